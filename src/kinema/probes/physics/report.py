"""What the physics probe found, as tables for a terminal and Markdown, as JSON, as pictures."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from kinema.clips import contact_sheet
from kinema.probes.physics.probe import FLOOR, MODEL, SPLITS, STRAIGHT, PhysicsFindings
from kinema.probes.physics.published import DATA, PARSER, PUBLISHED, SIZES
from kinema.storage import write_bytes

Rows = list[list[str]]
OTHER_FIGURES = {
    "lost": "disc lost, %",
    "radius_error": "radius error",
    "momentum_error": "momentum error",
    "energy_error": "energy error",
    "gravity_error": "gravity error",
}
PLACES = {"in": "in distribution", "out": "out of distribution"}


def score_table(found: PhysicsFindings) -> Rows:
    """Header and rows: predictor, then the velocity error with its interval in and out of range."""
    judged = {place: found.scores[place][FLOOR].values("velocity_error") for place in SPLITS}
    heads = [f"{PLACES[place]} (n = {len(judged[place])})" for place in SPLITS]
    rows = [["velocity error, units/s", *heads]]
    for name in found.scores["in"]:
        rows.append([name, *(_with_interval(found, place, name) for place in SPLITS)])
    return rows


def figure_table(found: PhysicsFindings) -> Rows:
    """Header and rows: the other figures of the model, beside their floors."""
    rows = [["", *(f"{kind}, {place}" for place in SPLITS for kind in ("model", "floor"))]]
    for figure, title in OTHER_FIGURES.items():
        cells = []
        for place in SPLITS:
            for name in (MODEL, FLOOR):
                value = found.scores[place][name].mean(figure)
                cells.append(f"{100 * value:.1f}" if figure == "lost" else f"{value:.3f}")
        if any(cell != "nan" for cell in cells):
            rows.append([title, *cells])
    return rows


def band_table(found: PhysicsFindings) -> Rows:
    """Header and rows: out of distribution, band by band."""
    rows = [["out of distribution", "n", "model", FLOOR, STRAIGHT]]
    scores = found.scores["out"]
    for name, members in found.bands().items():
        count = len(scores[FLOOR].values("velocity_error", members))
        means = [scores[row].mean("velocity_error", members) for row in (MODEL, *rows[0][3:])]
        rows.append([name, str(count), *(f"{mean:.3f}" for mean in means)])
    return rows


def published_table(law: str) -> Rows:
    """Header and rows: what Kang et al. report, per model and size of the training set."""
    heads = [f"{place} {data}" for place in SPLITS for data in DATA]
    rows = [["Kang et al. 2024", *heads]]
    for row, size in enumerate(SIZES):
        figures = [value for place in SPLITS for value in PUBLISHED[law][place][row]]
        rows.append([size, *(f"{value:.3f}" for value in figures)])
    return [*rows, ["true clips, their parser", f"{PARSER[law]:.3f}", *[""] * 5]]


def tables(found: PhysicsFindings) -> list[Rows]:
    """All tables of one law; the published one where there is one."""
    own = [score_table(found), figure_table(found), band_table(found)]
    law = found.probe.law
    return [*own, published_table(law)] if law in PUBLISHED else own


def show(found: PhysicsFindings) -> None:
    """Print the tables of one law."""
    console = Console()
    console.width = max(console.width, 120)
    title = f"{found.probe.law}: {found.probe.model}, {found.parameters / 1e6:.1f} M parameters"
    console.print(f"\n[bold]{title}[/bold]")
    for rows in tables(found):
        console.print(_rich(rows))


def write(all_found: Sequence[PhysicsFindings], path: Path) -> list[Path]:
    """Write the Markdown page, and beside it the figures as JSON and a contact sheet as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = path.with_suffix(".png")
    contact_sheet(*_sheet_rows(all_found, sheet))
    record = [_record(found) for found in all_found]
    write_bytes(path.with_suffix(".json"), (json.dumps(record, indent=2) + "\n").encode())
    write_bytes(path, _page(all_found, sheet.name).encode())
    return [path, path.with_suffix(".json"), sheet]


def _sheet_rows(
    all_found: Sequence[PhysicsFindings], sheet: Path
) -> tuple[list[np.ndarray], Path, list[str]]:
    rows, labels = [], []
    for found in all_found:
        for place in SPLITS:
            for true, made in list(zip(*found.clips[place], strict=True))[:2]:
                rows += [true, made]
                labels += [f"{found.probe.law}, {PLACES[place]}: true", "model"]
    return rows, sheet, labels


def _page(all_found: Sequence[PhysicsFindings], sheet: str) -> str:
    probe = all_found[0].probe
    command = f"kinema probe physics --num_clips {probe.num_clips} --given {probe.given}"
    parts = [
        "# Does it obey mechanics?",
        f"`{command} --seed {probe.seed}`",
        f"The first {probe.given} frames are given, the model makes the rest, a parser reads the "
        "discs off the frames. Mean |velocity - true velocity| with a 95 % interval from "
        "resampling clips; only frames in which the whole true disc is in view count, and of a "
        "collision only those after it. In a box the mean |velocity| along x and along y is "
        "compared, since walls turn it, and behind a curtain only clips count of which the "
        "given frames show the whole disc. *True clips* is the parser's own error, the floor.",
    ]
    for found in all_found:
        parts += [
            f"## {found.probe.law.capitalize()}",
            f"`{found.probe.model}`, {found.parameters / 1e6:.1f} M parameters.",
            *(_markdown(rows) for rows in tables(found)),
        ]
    parts += ["## True and predicted clips", f"![true and predicted clips]({sheet})"]
    return "\n\n".join(parts) + "\n"


def _record(found: PhysicsFindings) -> dict:
    return {
        "probe": asdict(found.probe),
        "parameters": found.parameters,
        "velocity_error": {
            place: {
                name: {
                    "mean": judged.mean("velocity_error"),
                    "interval": judged.interval("velocity_error"),
                    "n": len(judged.values("velocity_error")),
                }
                for name, judged in scores.items()
            }
            for place, scores in found.scores.items()
        },
    }


def _with_interval(found: PhysicsFindings, place: str, name: str) -> str:
    judged = found.scores[place][name]
    low, high = judged.interval("velocity_error")
    return f"{judged.mean('velocity_error'):.4f} ({low:.4f}-{high:.4f})"


def _markdown(rows: Rows) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def _rich(rows: Rows) -> Table:
    table = Table(box=None, header_style="bold")
    for i, name in enumerate(rows[0]):
        table.add_column(name, justify="left" if i == 0 else "right", no_wrap=i == 0)
    for row in rows[1:]:
        table.add_row(*row)
    return table
