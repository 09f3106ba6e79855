"""The arms as tables, in the terminal and on a Markdown page."""

import json
from pathlib import Path

import numpy as np

from kinema.metrics.intervals import mean_interval
from kinema.probes.drift import markdown, print_table
from kinema.probes.physics.probe import FLOOR, FROZEN, MEAN_VELOCITY
from kinema.probes.physics.published import PUBLISHED
from kinema.probes.physics.report import published_table
from kinema.storage import write_bytes
from kinema.worlds.discs import BOXES
from studies.scaling.arms import (
    ARMS,
    ATTENTION,
    CODEC,
    DATA,
    MISSING_MIDDLE,
    NOISE,
    QUESTIONS,
    RECIPE,
    SIZE,
)
from studies.scaling.plots import COLUMNS, arms_of, draw, questions_of
from studies.scaling.probe import EDGES, IN, MIDDLE, MIDDLE_SPEEDS, OUT, TRAINING, Scaling
from studies.scaling.records import Record, Records

Rows = list[list[str]]
BELOW = f"{MISSING_MIDDLE} - {RECIPE}, clip by clip"
NOTE = """
Each arm is the recipe `{recipe}` with one thing changed, trained on {samples:,} clips. The
first three frames of a clip are given, the network makes the rest, and a parser reads the discs
off the frames. The velocity error is that of `kinema probe physics`, {error}, in units a second,
on {clips} scenes of each kind that no training draws, fewer (n) where no frame can be judged.
*{floor}* is the parser's own error, *{trivial}* the trivial baseline.

**One seed.** Every arm was trained once. An interval is 95 % of the resamplings of the clips: how
far the mean of *this* network would move with other clips. How far it would move had the same arm
been trained with another seed is not known and is in no interval: two arms whose intervals lie
apart are two networks that differ, not yet two arms that do.
""".strip()
SAMPLES_NOTE = """
The error at each validation, on the run's own unseen clips and without intervals; that of the
missing middle is on its own split, the edges. The learning rate rises at first and falls to zero
over the last two fifths of the run, so a point before the last is not what a run of that length
would reach.
""".strip()
DATA_NOTE = f"""
The recipe has {ARMS[RECIPE].num_clips:,} different clips. *Training clips* are the first of those
that an arm was trained on, where it has seen all of them: an error far below that on unseen clips
is memory, not mechanics.
""".strip()
ATTENTION_NOTE = """
The recipe attends within frames and along time in turns, to past and future. *Full* is every
token to every token; *causal* sees no later frame, though all frames are made at once.
""".strip()
MIDDLE_NOTE = """
Training has no speed from {low:g} to {high:g}. *Edges* are unseen scenes of the speeds that are
left, *middle* those of the scenes in distribution whose speeds all lie in between. The recipe has
learned from these speeds and is scored on the same scenes.
""".strip()
NOISE_NOTE = """
The mean of the logit of t, of deviation 1.5; the recipe's is 6. Where a disc shows through the
noise the network can read off where it is, and need not know how it moves; and one step, by which
all are scored, begins at t = 1.
""".strip()
CODEC_NOTE = """
An image VAE of discs, 8x8 pixels in 16 numbers frame by frame (`kinema train physics-codec`), and a
token for each of its places, so that both networks have as many. *Coded* are true clips through
the codec alone: what no network in its latents can be better than.
""".strip()
PUBLISHED_NOTE = """
What Kang et al. report at 128 pixels and after 25.6 million clips, for models of 22.5, 89.5 and
310 million parameters, trained on 30 thousand to 3 million different clips:
""".strip()
SAMPLES = "samples seen"
NOTES = {
    SAMPLES: SAMPLES_NOTE,
    DATA: DATA_NOTE,
    ATTENTION: ATTENTION_NOTE,
    NOISE: NOISE_NOTE,
    CODEC: CODEC_NOTE,
    MISSING_MIDDLE: MIDDLE_NOTE.format(low=MIDDLE_SPEEDS[0], high=MIDDLE_SPEEDS[1]),
}


def summary(errors: list[float] | None) -> str:
    """Mean and 95 % interval over clips; a dash if there are none."""
    if not errors:
        return "-"
    low, high = mean_interval(errors)
    return f"{np.mean(errors):.4f} ({low:.4f} to {high:.4f})"


def trivial(baselines: Records) -> str:
    """The baseline that looks at nothing: in a box, whose mean velocity is none, a frozen clip."""
    return MEAN_VELOCITY if MEAN_VELOCITY in baselines else FROZEN


def machines_of(records: Records) -> list[str]:
    """Every machine that something was trained on, in the order of the arms."""
    return list(dict.fromkeys(record.machine for record in records.values()))


def baseline_table(baselines: Records) -> Rows:
    """Header and rows: floor and baselines everywhere."""
    places = (IN, OUT, EDGES, MIDDLE)
    counts = [len(baselines[FLOOR].errors[place]) for place in places]
    heads = [f"{place} (n = {count})" for place, count in zip(places, counts, strict=True)]
    rows = [[name, *(summary(r.errors.get(p)) for p in places)] for name, r in baselines.items()]
    return [["velocity error, units/s", *heads], *rows]


def question_table(question: str, records: Records, baselines: Records, scaling: Scaling) -> Rows:
    """Header and rows: floor, trivial baseline, the recipe and the arms of a question."""
    places = COLUMNS[question]
    header = ["velocity error, units/s", "changed", *(head(p, baselines) for p in places)]
    rows = [[*header, "parameters", "clips/s", "minutes", "machine"]]
    for name in (FLOOR, trivial(baselines)):
        cells = [summary(baselines[name].errors.get(place)) for place in places]
        rows.append([name, "", *cells, *[""] * 4])
    machines = machines_of(records)
    for name in arms_of(question, records):
        record, words = records[name], " ".join(ARMS[name].words)
        cells = [cell(record, place) for place in places]
        number = str(machines.index(record.machine) + 1)
        rows.append([name, f"`{words}`" if words else "", *cells, *costs(record, scaling), number])
    if question == MISSING_MIDDLE and {RECIPE, MISSING_MIDDLE} <= records.keys():
        pair = (records[MISSING_MIDDLE].errors, records[RECIPE].errors)
        rows.append([BELOW, "", *(difference(*pair, place) for place in places), *[""] * 4])
    return rows


def head(place: str, baselines: Records) -> str:
    """What a column is, and of how many clips."""
    errors = baselines[FLOOR].errors.get(place)
    return f"{place} (n = {len(errors)})" if errors else place


def cell(record: Record, place: str) -> str:
    """Mean and interval; beside training clips, whose number differs, how many."""
    errors = record.errors.get(place)
    known = f", n = {len(errors)}" if errors and place == TRAINING else ""
    return summary(errors) + known


def difference(one: dict[str, list[float]], other: dict[str, list[float]], place: str) -> str:
    """Mean and interval of the difference on the same clips, in order."""
    return summary((np.array(one[place]) - np.array(other[place])).tolist())


def costs(record: Record, scaling: Scaling) -> list[str]:
    """Parameters, clips a second, and the minutes that training alone took."""
    rate = record.clips_per_second
    minutes = f"{scaling.num_samples / rate / 60:.1f}" if rate else "-"
    return [f"{record.parameters / 1e6:.2f} M", f"{rate:.1f}" if rate else "-", minutes]


def curve_table(records: Records) -> Rows:
    """Header and rows: every arm's error at each validation."""
    samples = sorted({count for record in records.values() for count in record.samples})
    rows = [["velocity error, units/s, after clips seen", *(f"{count:,}" for count in samples)]]
    for name, record in records.items():
        points = dict(zip(record.samples, record.curve, strict=True))
        cells = [f"{points[count]:.3f}" if count in points else "-" for count in samples]
        rows.append([name, *cells])
    return rows


def remarks(records: Records) -> str:
    """Which machine has which number, and what is not measured yet."""
    machines = [f"{i}: {name or 'unknown'}" for i, name in enumerate(machines_of(records), 1)]
    told = (
        f"Machines: {'; '.join(machines)}. Minutes are those of training alone; they compare arms "
        "of one machine that had nothing else to do."
    )
    absent = [name for name in ARMS if name not in records]
    return f"{told} Not measured yet: {'; '.join(absent)}." if absent else told


def tables(records: Records, baselines: Records, scaling: Scaling) -> dict[str, Rows]:
    """Title -> table, a question each; without those whose arms are all missing."""
    asked = questions_of(records)
    return {
        SAMPLES: curve_table(records),
        **{q: question_table(q, records, baselines, scaling) for q in asked},
        "floor and baselines": baseline_table(baselines),
    }


def show(records: Records, baselines: Records, scaling: Scaling) -> None:
    """Print the tables."""
    for title, rows in tables(records, baselines, scaling).items():
        print_table(title, rows)
    print(remarks(records))


def write(records: Records, baselines: Records, scaling: Scaling, path: Path) -> list[Path]:
    """Write the page, and the curves beside it.

    Raises:
        UserError: if matplotlib is not installed.
    """
    picture = path.with_suffix(".png")
    draw(records, baselines, picture)
    write_bytes(path, page(records, baselines, scaling, picture.name).encode())
    return [path, picture]


def page(records: Records, baselines: Records, scaling: Scaling, picture: str) -> str:
    """The page in Markdown."""
    law = scaling.law
    error = "of the mean speeds along x and y" if law in BOXES else "|mean v_x - true v_x|"
    parts = [
        "# What the error of mechanics falls with",
        f"`{command(records, scaling)}`",
        NOTE.format(
            recipe=f"physics-{law}", samples=scaling.num_samples, clips=scaling.num_clips,
            error=error, floor=FLOOR, trivial=trivial(baselines),
        ),
        f"![velocity error against clips seen, parameters and different clips]({picture})",
    ]  # fmt: skip
    for title, rows in tables(records, baselines, scaling).items():
        question = f": {QUESTIONS[title]}" if title in QUESTIONS else ""
        parts += [f"## {title.capitalize()}{question}", NOTES.get(title, ""), markdown(rows)]
        if title == SIZE and law in PUBLISHED:
            parts += [PUBLISHED_NOTE, markdown(published_table(law))]
    return "\n\n".join(part for part in [*parts, remarks(records)] if part) + "\n"


def command(records: Records, scaling: Scaling) -> str:
    """What was typed."""
    chosen = "" if list(records) == list(ARMS) else f" --arms '{json.dumps(list(records))}'"
    return (
        f"python -m studies.scaling --law {scaling.law} --num_samples {scaling.num_samples} "
        f"--num_clips {scaling.num_clips}{chosen}"
    )
