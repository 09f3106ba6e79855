"""The arms as tables, a question each, beside floor, baselines and what is published."""

import numpy as np

from kinema.probes.physics.probe import FLOOR, FROZEN, MEAN_VELOCITY
from kinema.probes.physics.published import PUBLISHED
from kinema.probes.physics.report import published_table
from kinema.reports import Picture, Report, Rows, Table, command_line
from kinema.reports.words import mean
from kinema.worlds.discs import BOXES
from studies.records import machines_of, not_measured
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

BELOW = f"{MISSING_MIDDLE} - {RECIPE}, clip by clip"
NOTE = """
Each arm is the recipe `{recipe}` with one thing changed, trained on {samples:,} clips. The
first three frames of a clip are given, the network makes the rest, and a parser reads the discs
off the frames. The velocity error is that of `kinema probe physics`, {error}, in units a second,
on {clips} scenes of each kind that no training draws, fewer (n) where no frame can be judged.
*{floor}* is the parser's own error, *{trivial}* the trivial baseline.

**One seed.** Every arm was trained once. An interval is 95 % of the resamplings of the clips: how
far the mean of *this* network would move with other clips. How far it would move if the same arm
were trained with another seed is not known and is in no interval. Two arms whose intervals lie
apart are two networks that differ, and not yet two arms that differ.
""".strip()
SAMPLES_NOTE = """
The error at each validation, on the run's own unseen clips and without intervals; that of the
missing middle is on its own split, the edges. The learning rate rises at first and falls to zero
over the last two fifths of the run, so a point before the last is not what a run of that length
would reach.
""".strip()
DATA_NOTE = f"""
The recipe has {ARMS[RECIPE].num_clips:,} different clips. *Training clips* are the first of those
that an arm was trained on, where it has seen all of them. An error far below that on unseen clips
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
    DATA: DATA_NOTE,
    ATTENTION: ATTENTION_NOTE,
    NOISE: NOISE_NOTE,
    CODEC: CODEC_NOTE,
    MISSING_MIDDLE: MIDDLE_NOTE.format(low=MIDDLE_SPEEDS[0], high=MIDDLE_SPEEDS[1]),
}


def summary(errors: list[float] | None) -> str:
    """Return mean and 95 % interval over clips; a dash if there are none."""
    return mean(errors or [], ".4f")


def trivial(baselines: Records) -> str:
    """Return the baseline that looks at nothing; a frozen clip where the mean velocity is 0."""
    return MEAN_VELOCITY if MEAN_VELOCITY in baselines else FROZEN


def baseline_table(baselines: Records) -> Rows:
    """Make a row for the floor and each baseline, everywhere."""
    places = (IN, OUT, EDGES, MIDDLE)
    counts = [len(baselines[FLOOR].errors[place]) for place in places]
    heads = [f"{place} (n = {count})" for place, count in zip(places, counts, strict=True)]
    rows = [[name, *(summary(r.errors.get(p)) for p in places)] for name, r in baselines.items()]
    return [["velocity error, units/s", *heads], *rows]


def question_table(question: str, records: Records, baselines: Records, scaling: Scaling) -> Rows:
    """Make a row for the floor, the trivial baseline, the recipe and each arm of a question."""
    places = COLUMNS[question]
    header = ["velocity error, units/s", "changed", *(head(p, baselines) for p in places)]
    rows = [[*header, "parameters", "clips/s", "minutes", "machine"]]
    for name in (FLOOR, trivial(baselines)):
        cells = [summary(baselines[name].errors.get(place)) for place in places]
        rows.append([name, "", *cells, *[""] * 4])
    machines, _ = machines_of(record.machine for record in records.values())
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
    """Return what a column is, and of how many clips."""
    errors = baselines[FLOOR].errors.get(place)
    return f"{place} (n = {len(errors)})" if errors else place


def cell(record: Record, place: str) -> str:
    """Return mean and interval; for training clips, whose number differs, also how many."""
    errors = record.errors.get(place)
    known = f", n = {len(errors)}" if errors and place == TRAINING else ""
    return summary(errors) + known


def difference(one: dict[str, list[float]], other: dict[str, list[float]], place: str) -> str:
    """Return mean and interval of the difference on the same clips, in order."""
    return summary((np.array(one[place]) - np.array(other[place])).tolist())


def costs(record: Record, scaling: Scaling) -> list[str]:
    """Return parameters, clips a second, and the minutes that training alone took."""
    rate = record.clips_per_second
    minutes = f"{scaling.num_samples / rate / 60:.1f}" if rate else "-"
    return [f"{record.parameters / 1e6:.2f} M", f"{rate:.1f}" if rate else "-", minutes]


def curve_table(records: Records) -> Rows:
    """Make a row an arm: its error at each validation."""
    samples = sorted({count for record in records.values() for count in record.samples})
    rows = [["velocity error, units/s, after clips seen", *(f"{count:,}" for count in samples)]]
    for name, record in records.items():
        points = dict(zip(record.samples, record.curve, strict=True))
        cells = [f"{points[count]:.3f}" if count in points else "-" for count in samples]
        rows.append([name, *cells])
    return rows


def remarks(records: Records) -> str:
    """Say which machine has which number, and what is not measured yet."""
    _, numbered = machines_of(record.machine for record in records.values())
    minutes = (
        "Minutes are those of training alone; they compare arms of one machine that had nothing "
        "else to do."
    )
    absent = not_measured([name for name in ARMS if name not in records])
    return " ".join(filter(None, [numbered, minutes, absent]))


def report_of(records: Records, baselines: Records, scaling: Scaling) -> Report:
    """Return the report: curves, and a table a question; without questions that have no arm."""
    law = scaling.law
    note = NOTE.format(
        recipe=f"physics-{law}", samples=scaling.num_samples, clips=scaling.num_clips,
        error="of the mean speeds along x and y" if law in BOXES else "|mean v_x - true v_x|",
        floor=FLOOR, trivial=trivial(baselines),
    )  # fmt: skip
    shows = "velocity error against clips seen, parameters and different clips"
    parts: list[Picture | Table | str] = [Picture(shows, lambda: draw(records, baselines))]
    parts.append(Table(SAMPLES.capitalize(), curve_table(records), SAMPLES_NOTE))
    for question in questions_of(records):
        title = f"{question.capitalize()}: {QUESTIONS[question]}"
        rows = question_table(question, records, baselines, scaling)
        parts.append(Table(title, rows, NOTES.get(question, "")))
        if question == SIZE and law in PUBLISHED:
            parts.append(Table("", published_table(law), PUBLISHED_NOTE))
    parts += [Table("Floor and baselines", baseline_table(baselines)), remarks(records)]
    command = command_of(records, scaling)
    return Report("What the error of mechanics falls with", command, note, parts)


def command_of(records: Records, scaling: Scaling) -> str:
    """Return what was typed; the arms are named unless all of them are there."""
    options = {name: getattr(scaling, name) for name in ("law", "num_samples", "num_clips")}
    arms = {} if list(records) == list(ARMS) else {"arms": list(records)}
    return command_line("python -m studies.scaling", options | arms)
