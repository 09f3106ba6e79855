"""What the probe found: tables for a terminal and a page, all figures as JSON, one plot."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import UserError
from kinema.metrics.intervals import mean_interval
from kinema.probes.drift.probe import FROZEN, TRUE, Findings
from kinema.probes.drift.worlds import WORLDS
from kinema.reports.tables import Rows, command, markdown, print_table
from kinema.storage import whole_file, write_bytes

# Of the command, but for the folder: what else a DriftProbe has is only to be set in Python.
OPTIONS = ("models", "strategies", "num_frames", "num_clips", "world", "num_steps")
LINES = ("solid", "dashed", "dashdot", "dotted")
EARLY = 64  # the frame that the end is compared with
TITLES = {
    "identity": "identity error (palette, 0-1)",
    "velocity error": "velocity error (pixels/frame)",
    "motion": "motion of the fastest 5 % (pixels/frame)",
    "colour": "colour shift (CIELAB)",
    "sharpness": "sharpness against the opening (log2)",
}


def titles(findings: Findings) -> dict[str, str]:
    """Figure -> what it is called: those of any video, then those of the world."""
    return TITLES | WORLDS[findings.probe.world][0].titles


def curve(findings: Findings, column: str, figure: str) -> np.ndarray:
    """A figure of a column, (clips, places)."""
    if figure == "velocity error":
        velocity = np.array([c["velocity"] for c in findings.curves[column]])
        true = np.array([c["velocity"] for c in findings.curves[TRUE]])
        return np.linalg.norm(velocity - true, axis=-1)
    return np.array([c[figure] for c in findings.curves[column]], dtype=float)


def mean_and_interval(values: np.ndarray) -> tuple[float, float, float]:
    """The mean over clips and the ends of its 95 % interval."""
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan"), float("nan")
    return float(known.mean()), *mean_interval(known)


def cell(values: np.ndarray) -> str:
    mean, low, high = mean_and_interval(values)
    return f"{mean:.2f} ({low:.2f} to {high:.2f})"


def drift_table(findings: Findings) -> Rows:
    """Every column at frame 64 and at the end, with 95 % intervals over the clips."""
    early = int(np.argmin(np.abs(np.array(findings.places) - EARLY)))
    moments = dict.fromkeys((early, len(findings.places) - 1))
    header = ["", *(f"{name} @{findings.places[k]}" for name in titles(findings) for k in moments)]
    rows = [header]
    for column in findings.curves:
        cells = []
        for figure in titles(findings):
            values = curve(findings, column, figure)
            cells += [cell(values[:, k]) for k in moments]
        rows.append([column, *cells])
    return rows


def growth_table(findings: Findings) -> Rows:
    """Identity error at the end over that at frame 64, motion over the true clips', both means."""
    early = int(np.argmin(np.abs(np.array(findings.places) - EARLY)))
    true = curve(findings, TRUE, "motion").mean()
    rows = [["", "identity, end / 64", "motion / true, all places", "n"]]
    for column, clips in findings.curves.items():
        identity = curve(findings, column, "identity").mean(0)
        growth = identity[-1] / identity[early] if identity[early] > 0 else float("nan")
        motion = curve(findings, column, "motion").mean() / true if true > 0 else float("nan")
        rows.append([column, f"{growth:.2f}", f"{motion:.2f}", str(len(clips))])
    return rows


def joins_table(findings: Findings) -> Rows:
    """Jump at the joins against inside, grey levels."""
    figures = ("at", "latents", "inside", "ratio")
    header = ["at the joins", "other latent frames", "all other pairs", "ratio", "joins a clip"]
    rows = [["", *header]]
    for column, joins in findings.joins.items():
        if not any(one.count for one in joins):
            rows.append([column, *"----", "0"])
            continue
        cells = [cell(np.array([getattr(one, figure) for one in joins])) for figure in figures]
        rows.append([column, *cells, f"{np.mean([one.count for one in joins]):.0f}"])
    return rows


def tables(findings: Findings) -> dict[str, Rows]:
    """Title -> table."""
    return {
        "Drift": drift_table(findings),
        "Growth": growth_table(findings),
        "Joins": joins_table(findings),
    }


def show(findings: Findings) -> None:
    """Print the tables."""
    for title, rows in tables(findings).items():
        print_table(title, rows)


def write(findings: Findings, report: str | Path) -> list[Path]:
    """Write the page, and beside it all figures as JSON and the plot as PNG.

    Returns:
        the files written.
    """
    path = Path(report)
    plot, data = path.with_suffix(".png"), path.with_suffix(".json")
    draw(findings, plot)
    write_bytes(data, (json.dumps(record(findings), indent=1) + "\n").encode())
    write_bytes(path, page(findings, plot.name).encode())
    return [path, data, plot]


def record(findings: Findings) -> dict:
    """Everything as JSON values; None where a figure is not defined."""
    joins = {k: [asdict(one) for one in v] for k, v in findings.joins.items()}
    return {
        "probe": asdict(findings.probe),
        "places": findings.places,
        "length": findings.length,
        **finite({"curves": findings.curves, "joins": joins}),
    }


def finite(value: Any) -> Any:
    """What is nested in lists and dictionaries, with None in the place of NaN and infinity."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not isfinite(value) else value


PAGE = """# Drift: what is left after {frames} frames

`{command}`

{clips} scenes of the world `{world}`. Each video begins with {given} true frames and is
measured in segments of {length} frames, with 95 % intervals over the scenes. *True continuation*
is the same scene rendered on, the floor of every figure; *frozen* holds the last given frame, and
wins every figure but those of motion.

{note}

![the figures against the frame index]({plot})

{tables}
"""


def page(findings: Findings, plot: str) -> str:
    probe = findings.probe
    asked = {name: getattr(probe, name) for name in OPTIONS}
    notes = {
        "Growth": "Both are ratios of means over the scenes.",
        "Joins": "Mean absolute difference of neighbouring frames in grey levels, from the first "
        "join on: at the joins, where other latent frames meet, and anywhere else. Ratio: the "
        "first over the second.",
    }
    parts = [
        f"## {title}\n\n{notes.get(title, '')}\n\n{markdown(rows)}".replace("\n\n\n\n", "\n\n")
        for title, rows in tables(findings).items()
    ]
    return PAGE.format(
        frames=probe.num_frames, command=command("drift", asked), clips=probe.num_clips,
        world=probe.world, note=WORLDS[probe.world][0].note,
        given=probe.num_given, length=findings.length, plot=plot, tables="\n\n".join(parts),
    )  # fmt: skip


def draw(findings: Findings, path: Path) -> None:
    """One panel a figure, one line a column, shaded by its 95 % interval.

    A strategy has a colour, and a model a kind of line.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UserError(
            "The plot needs matplotlib: install kinema with its extra `plots`."
        ) from error
    named = titles(findings)
    columns = (len(named) + 1) // 2
    figure = Figure(figsize=(4.3 * columns, 8), layout="constrained")
    panels = figure.subplots(2, columns).flatten()
    middle = np.array(findings.places) + findings.length / 2
    for panel, (name, title) in zip(panels, named.items(), strict=True):
        for column, (color, line) in styles(list(findings.curves)).items():
            values = [mean_and_interval(v) for v in curve(findings, column, name).T]
            mean, low, high = np.array(values).T
            panel.plot(middle, mean, label=column, color=color, linestyle=line)
            panel.fill_between(middle, low, high, alpha=0.1, linewidth=0, color=color)
        panel.set_title(title, fontsize=10)
        panel.set_xlabel("frame")
        panel.set_ylim(bottom=None if name == "sharpness" else 0)
    handles = panels[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=columns, fontsize=8)
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=110)


def styles(columns: list[str]) -> dict[str, tuple[str, str]]:
    """Column -> colour and line: black is the truth, dotted grey what stands still."""
    parts = {column: column.rpartition(", ")[::2] for column in columns if ", " in column}
    models, strategies = (list(dict.fromkeys(names)) for names in zip(*parts.values(), strict=True))
    made = {
        column: (f"C{strategies.index(strategy)}", LINES[models.index(model) % len(LINES)])
        for column, (model, strategy) in parts.items()
    }
    return {TRUE: ("black", "solid"), FROZEN: ("grey", "dotted"), **made}
