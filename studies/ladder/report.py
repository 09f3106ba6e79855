"""The ladder's tables in the terminal and in Markdown, and its plots as PNG."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from kinema.errors import UserError
from kinema.storage import write_bytes
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

COLUMNS = (
    EXACT, SUBJECT, DRIFT, REMADE_MOTION, LIKENESS, ESTIMATED, FLICKER, MOTION, PROMPT,
)  # fmt: skip
COSTS = ("held-out loss", "clips seen", "parameters", "GFLOP", "ms a step", "MB kept", "machine")
NUM_RESAMPLES = 1000
NOTE = """
Every frame is coded alone, so frames agree only where the network makes them. **Made again**: true
clips are noised to {strength:g} and denoised; their motion is the world's, so its exact flow and
masks apply to every row: the first five columns; PSNR is to the true clip. Identity drift is how
far an object's colour is from what it was, at the longest quarter of the lags. **From prompts**:
from noise alone, flow estimated: the next four. Warping errors are grey levels of 255, drift is in
CIELAB units, flicker in pixels, motion in pixels a frame of the fastest 5 %, prompt the share of
clips in which the judge finds all that was asked. {floored} are given above their floor, the same
score of the true clips through the codec, clip by clip. A clip that stands still, or is a blur,
scores well in all of them, even below the floor: read them beside motion and PSNR. Intervals are
95 % of {resamples} resamplings of seeds and clips, {clips} clips a seed; *+-* behind the held-out
loss is the standard deviation between seeds.
""".strip()


def estimate(
    records: Sequence[Record], score: str, floor: Record | None
) -> tuple[float, float, float]:
    """Mean of a score above its floor, and its 95 % interval over seeds and clips."""
    values = np.array([record.clips[score] for record in records], np.float64)  # seeds, clips
    if floor is not None and score in OVER_FLOOR:
        values = values - np.array(floor.clips[score])
    rng, (seeds, clips) = np.random.default_rng(0), values.shape
    of_seeds = rng.integers(seeds, size=(NUM_RESAMPLES, seeds, 1))
    of_clips = rng.integers(clips, size=(NUM_RESAMPLES, 1, clips))
    means = [mean_of_known(drawn.ravel()) for drawn in values[of_seeds, of_clips]]
    low, high = np.nanpercentile(means, [2.5, 97.5])
    return mean_of_known(values.ravel()), float(low), float(high)


def table(track: str, budget: str, records: Records, floor: Record) -> list[list[str]]:
    """Header and rows of one track and one budget."""
    header, machines = ["network", *COLUMNS, *COSTS], machines_of(records)
    rows = [["floor: true clips, coded", *cells([floor], None), *[""] * len(COSTS)]]
    for (name, way, of), found in records.items():
        if ARMS[name].track != track or of != budget:
            continue
        label = name if way == ALONE else f"{name}, {way}"
        where = ", ".join(
            str(machines.index(m) + 1) for m in dict.fromkeys(r.machine for r in found)
        )
        rows.append([label, *cells(found, floor), *costs(found), where])
    return [header, *rows]


def machines_of(records: Records) -> list[str]:
    """Every machine that something was measured on, in the order of the table."""
    return list(dict.fromkeys(record.machine for found in records.values() for record in found))


def remarks(records: Records, ladder: Ladder) -> str:
    """Which machine has which number, and what is not measured yet."""
    machines = [f"{i}: {name or 'unknown'}" for i, name in enumerate(machines_of(records), 1)]
    told = f"Machines: {'; '.join(machines)}."
    if len(machines) > 1:
        told += " Equal minutes, and ms a step, compare rows of one machine only."
    absent = missing(records, {name: arm.ways for name, arm in ARMS.items()}, ladder.seeds)
    return f"{told} Not measured yet: {'; '.join(absent)}." if absent else told


def cells(records: Sequence[Record], floor: Record | None) -> list[str]:
    """Each score with its interval."""
    figures = [estimate(records, score, floor) for score in COLUMNS]
    return [f"{mean:.2f} ({low:.2f} to {high:.2f})" for mean, low, high in figures]


def costs(records: Sequence[Record]) -> list[str]:
    """What stands under COSTS but the machine: means over seeds."""
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
    """How much lower temporal attention's warping error is than frame by frame, in one sentence."""
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


def show(records: Records, floors: dict[str, Record], ladder: Ladder) -> None:
    """Print the tables."""
    console = Console()
    console.width = max(console.width, 400)  # a table that wraps its cells cannot be read
    for track, floor in floors.items():
        for budget in BUDGETS:
            header, *rows = table(track, budget, records, floor)
            printed = Table(title=f"{track}: {TRACKS[track].about} ({budget})")
            for i, name in enumerate(header):
                printed.add_column(name, justify="right" if i else "left")
            for row in rows:
                printed.add_row(*row)
            console.print(printed)
    for budget in BUDGETS:
        if "short" in floors and (line := times_lower(records, floors["short"], budget)):
            console.print(line)
    console.print(remarks(records, ladder))


def command(records: Records, ladder: Ladder) -> str:
    """What was typed."""
    names = list(dict.fromkeys(name for name, _, _ in records))
    chosen = "" if names == list(ARMS) else f" --arms '{json.dumps(names)}'"
    return (
        f"python -m studies.ladder{chosen} --size {ladder.size} --num_samples {ladder.num_samples} "
        f"--minutes {ladder.minutes:g} --seeds {ladder.seeds} --num_clips {ladder.num_clips}"
    )


def page(records: Records, floors: dict[str, Record], ladder: Ladder, picture: str) -> str:
    """The page in Markdown."""
    making = ladder.making
    floored = ", ".join(OVER_FLOOR)
    parts = [
        "# The ladder: what makes frames agree, and what it costs",
        f"`{command(records, ladder)}`",
        NOTE.format(
            strength=making.strength, floored=floored[0].upper() + floored[1:],
            resamples=NUM_RESAMPLES, clips=ladder.num_clips,
        ),
        f"![Warping error beside motion, and identity drift over the clip]({picture})",
    ]  # fmt: skip
    for track, floor in floors.items():
        parts.append(f"## {track.capitalize()}: {TRACKS[track].about}")
        for budget in BUDGETS:
            rows = table(track, budget, records, floor)
            header, *lines = (f"| {' | '.join(row)} |" for row in rows)
            rule = "|---" * len(rows[0]) + "|"
            parts += [f"At {budget}:", "\n".join([header, rule, *lines])]
            if track == "short":
                parts.append(times_lower(records, floor, budget))
    parts.append(remarks(records, ladder))
    names = dict.fromkeys(name for name, _, _ in records if ARMS[name].track == "long")
    if names:
        counted = [f"{name} {long_clip_flops(ARMS[name], ladder):.1f}" for name in names]
        parts.append(f"Counted GFLOP of a forward pass on 120 frames: {', '.join(counted)}.")
    return "\n\n".join(part for part in parts if part) + "\n"


def write(records: Records, floors: dict[str, Record], ladder: Ladder, path: Path) -> list[Path]:
    """Write the page and the plots."""
    picture = path.with_suffix(".png")
    plot(records, floors, picture)
    write_bytes(path, page(records, floors, ladder, picture.name).encode())
    return [path, picture]


def plot(records: Records, floors: dict[str, Record], path: Path) -> None:
    """Each track a row: warping error against motion, and drift over frames (equal samples).

    Raises:
        UserError: if matplotlib is not installed.
    """
    try:
        from matplotlib import colormaps
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UserError(
            "The plots need matplotlib: pip install -c constraints.txt 'kinema[plots]'."
        ) from error
    figure = Figure(figsize=(16, 5.5 * len(floors)), layout="constrained")
    panels = figure.subplots(len(floors), 2, squeeze=False)
    for (track, floor), (left, right) in zip(floors.items(), panels, strict=True):
        rows = [(key, found) for key, found in records.items() if ARMS[key[0]].track == track]
        rows = [row for row in rows if row[0][2] == SAMPLES] or rows
        for number, ((name, way, _), found) in enumerate(rows):
            label = name if way == ALONE else f"{name}, {way}"
            mark = {"color": colormaps["tab20"](number % 20), "marker": "osD^vPX*"[number % 8]}
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
        right.set(title="made again (grey: true clips)", xlabel="lag, frames",
                  ylabel="drift of the objects' colour, CIELAB")  # fmt: skip
        right.legend(*left.get_legend_handles_labels(), loc="center left",
                     bbox_to_anchor=(1.02, 0.5), fontsize=9)  # fmt: skip
    beside = path.with_suffix(".partial.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(beside, dpi=110)
    beside.replace(path)
