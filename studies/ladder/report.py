"""The ladder's tables, how the networks compare in a sentence, and its plots."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from kinema.reports import Picture, Report, Rows, Table, command_line
from kinema.reports.pictures import color_map, new_figure, plot_png
from kinema.reports.words import between
from studies.ladder.arms import ALONE, ARMS, TRACKS
from studies.ladder.climber import Ladder, long_clip_flops
from studies.ladder.records import BUDGETS, SAMPLES, Record, Records, missing
from studies.ladder.scoring import (
    DRIFT,
    ESTIMATED,
    EXACT,
    FLICKER,
    LIKENESS,
    MOTION,
    OVER_FLOOR,
    PROMPT,
    REMADE_MOTION,
    SUBJECT,
    mean_of_known,
)
from studies.records import machines_of, not_measured

COLUMNS = (
    EXACT, SUBJECT, DRIFT, REMADE_MOTION, LIKENESS, ESTIMATED, FLICKER, MOTION, PROMPT,
)  # fmt: skip
COSTS = ("held-out loss", "clips seen", "parameters", "GFLOP", "ms a step", "MB kept", "machine")
NUM_RESAMPLES = 1000
NOTE = """
Every frame is coded alone, so frames agree only where the network makes them agree. **Made
again**: true clips are noised to {strength:g} and denoised. Their motion is the world's, so its
exact flow and masks apply to every row: the first five columns. PSNR is to the true clip. Identity
drift is how far an object's color is from what it was, at the longest quarter of the lags. **From
prompts**: clips are made from noise alone, and flow is estimated: the next four columns. Warping
errors are in gray levels of 255, drift in CIELAB units, flicker in pixels, motion in pixels a
frame of the fastest 5 %, and prompt is the share of clips in which the judge finds all that was
asked. {floored} are given above their floor, the same score of the true clips through the codec,
clip by clip. A clip that stands still, or is a blur, scores well in all of them, even below the
floor: read them beside motion and PSNR. Intervals are 95 % of {resamples} resamplings of seeds and
clips, {clips} clips a seed. *+-* behind the held-out loss is the standard deviation between seeds.
""".strip()


def estimate(
    records: Sequence[Record], score: str, floor: Record | None
) -> tuple[float, float, float]:
    """Return the mean of a score above its floor, and its 95 % interval over seeds and clips."""
    values = np.array([record.clips[score] for record in records], np.float64)  # seeds, clips
    if floor is not None and score in OVER_FLOOR:
        values = values - np.array(floor.clips[score])
    rng, (seeds, clips) = np.random.default_rng(0), values.shape
    of_seeds = rng.integers(seeds, size=(NUM_RESAMPLES, seeds, 1))
    of_clips = rng.integers(clips, size=(NUM_RESAMPLES, 1, clips))
    drawn = values[of_seeds, of_clips]
    known = ~np.isnan(drawn)
    with np.errstate(invalid="ignore"):  # where nothing that is known was drawn
        means = np.where(known, drawn, 0.0).sum((1, 2)) / known.sum((1, 2))
    low, high = np.nanpercentile(means, [2.5, 97.5])
    return mean_of_known(values.ravel()), float(low), float(high)


def table(track: str, budget: str, records: Records, floor: Record) -> Rows:
    """Make a row a network of one track, as it is at one budget; the first is the floor."""
    machines = list(dict.fromkeys(machine_names(records)))
    rows = [["network", *COLUMNS, *COSTS]]
    rows.append(["floor: true clips, coded", *cells([floor], None), *[""] * len(COSTS)])
    for (name, way, of), found in records.items():
        if ARMS[name].track != track or of != budget:
            continue
        label = name if way == ALONE else f"{name}, {way}"
        where = ", ".join(
            str(machines.index(m) + 1) for m in dict.fromkeys(r.machine for r in found)
        )
        rows.append([label, *cells(found, floor), *costs(found), where])
    return rows


def machine_names(records: Records) -> list[str]:
    """Return the machine of every record, in the order of the table."""
    return [record.machine for found in records.values() for record in found]


def remarks(records: Records, ladder: Ladder) -> str:
    """Say which machine has which number, and what is not measured yet."""
    machines, numbered = machines_of(machine_names(records))
    several = "Equal minutes, and ms a step, compare rows of one machine only."
    ways = {name: arm.ways for name, arm in ARMS.items()}
    absent = not_measured(missing(records, ways, ladder.seeds))
    return " ".join(filter(None, [numbered, several if len(machines) > 1 else "", absent]))


def cells(records: Sequence[Record], floor: Record | None) -> list[str]:
    """Return each score with its interval."""
    return [between(*estimate(records, score, floor)) for score in COLUMNS]


def costs(records: Sequence[Record]) -> list[str]:
    """Return what stands under COSTS but the machine: means over seeds."""
    held_out = np.array([record.held_out for record in records])
    spread = f" +- {held_out.std(ddof=1):.4f}" if len(records) > 1 else ""
    cost = {key: np.mean([r.cost[key] for r in records if r.cost]) for key in records[0].cost or {}}
    return [
        f"{held_out.mean():.4f}{spread}",
        f"{np.mean([record.samples for record in records]):,.0f}",
        f"{cost['parameters'] / 1e6:.2f} M",
        f"{cost['gflops']:.2f}",
        f"{1000 * cost['seconds']:.0f}",
        f"{cost['megabytes']:.0f}",
    ]


def times_lower(records: Records, floor: Record, budget: str) -> str:
    """Say how much lower temporal attention's warping error is than frame by frame."""
    alone = records.get(("frame by frame", ALONE, budget))
    joined = records.get(("temporal attention", ALONE, budget))
    if not alone or not joined:
        return ""
    base = np.array(floor.clips[EXACT])
    pairs = zip(alone, joined, strict=False)  # as many seeds of each
    both = np.array([(one.clips[EXACT], other.clips[EXACT]) for one, other in pairs]) - base
    a, b = both[:, 0], both[:, 1]  # seeds, clips
    rng, ratios = np.random.default_rng(0), []
    for _ in range(NUM_RESAMPLES):
        seeds, clips = rng.integers(len(a), size=len(a)), rng.integers(a.shape[1], size=a.shape[1])
        below = b[seeds][:, clips].mean()
        ratios.append(a[seeds][:, clips].mean() / below if below > 0 else math.inf)
    low, high = np.percentile(ratios, [2.5, 97.5], method="nearest")
    times = a.mean() / b.mean() if b.mean() > 0 else math.inf
    return (
        f"At {budget}, from frame by frame to temporal attention the warping error by exact flow, "
        f"above its floor, is {times:.1f} times lower ({low:.1f} to {high:.1f})."
    )


def report_of(records: Records, floors: dict[str, Record], ladder: Ladder) -> Report:
    """Return the report: plots, and a table for each track and budget."""
    floored = ", ".join(OVER_FLOOR)
    note = NOTE.format(
        strength=ladder.making.strength, floored=floored[0].upper() + floored[1:],
        resamples=NUM_RESAMPLES, clips=ladder.num_clips,
    )  # fmt: skip
    shows = "Warping error beside motion, and identity drift over the clip"
    parts: list[Any] = [Picture(shows, lambda: draw(records, floors))]
    for track, floor in floors.items():
        for budget in BUDGETS:
            title = f"{track.capitalize()}, {budget}: {TRACKS[track].about}"
            parts.append(Table(title, table(track, budget, records, floor)))
            if track == "short":
                parts.append(times_lower(records, floor, budget))
    parts += [remarks(records, ladder), long_clip_costs(records, ladder)]
    return Report(
        "The ladder: what makes frames agree, and what it costs",
        command_of(records, ladder),
        note,
        [part for part in parts if part],
    )


def command_of(records: Records, ladder: Ladder) -> str:
    """Return what was typed; the arms are named unless all of them are there."""
    names = list(dict.fromkeys(name for name, _, _ in records))
    options = asdict(ladder)
    shown = ("size", "num_samples", "minutes", "seeds", "num_clips")
    arms = {} if names == list(ARMS) else {"arms": names}
    return command_line("python -m studies.ladder", arms | {name: options[name] for name in shown})


def long_clip_costs(records: Records, ladder: Ladder) -> str:
    """Say what a forward pass on 120 frames costs in each arm of the track of long clips."""
    names = dict.fromkeys(name for name, _, _ in records if ARMS[name].track == "long")
    counted = [f"{name} {long_clip_flops(ARMS[name], ladder):.1f}" for name in names]
    told = f"Counted GFLOP of a forward pass on 120 frames: {', '.join(counted)}."
    return told if counted else ""


def draw(records: Records, floors: dict[str, Record]) -> bytes:
    """Draw a row a track: warping error against motion, and drift over frames; returns a PNG.

    The rows are those of equal samples, where there are any.

    Raises:
        UserError: if matplotlib is not installed.
    """
    figure, colors = new_figure(16, 5.5 * len(floors)), color_map("tab20")
    panels = figure.subplots(len(floors), 2, squeeze=False)
    for (track, floor), (left, right) in zip(floors.items(), panels, strict=True):
        rows = [(key, found) for key, found in records.items() if ARMS[key[0]].track == track]
        rows = [row for row in rows if row[0][2] == SAMPLES] or rows
        for number, ((name, way, _), found) in enumerate(rows):
            label = name if way == ALONE else f"{name}, {way}"
            mark = {"color": colors(number % 20), "marker": "osD^vPX*"[number % 8]}
            value, low, high = estimate(found, EXACT, floor)
            moved = estimate(found, REMADE_MOTION, None)[0]
            left.errorbar(
                moved, value, yerr=[[value - low], [high - value]], label=label, capsize=3, **mark
            )
            right.plot(np.mean([r.drift for r in found], 0), markevery=0.25, ms=5, **mark)
        left.axvline(estimate([floor], REMADE_MOTION, None)[0], color="0.6", lw=1)
        left.axhline(0, color="0.6", lw=1)
        right.plot(floor.drift, color="0.6", lw=3, zorder=0)
        left.set(title=f"{track}: made again from true clips", xlabel="motion, px a frame",
                 ylabel="warping error by exact flow, above its floor")  # fmt: skip
        right.set(title="made again (gray: true clips)", xlabel="lag, frames",
                  ylabel="drift of the objects' color, CIELAB")  # fmt: skip
        right.legend(*left.get_legend_handles_labels(), loc="center left",
                     bbox_to_anchor=(1.02, 0.5), fontsize=9)  # fmt: skip
    return plot_png(figure)
