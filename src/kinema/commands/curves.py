"""`kinema plot`: the curves of a training run as a picture."""

import json
import math
from pathlib import Path
from typing import Any

from kinema.commands.parser import Parser, announce
from kinema.errors import UserError

HELD_OUT = "held_out_"
EXAMPLES = """\
kinema plot runs/tabletop
kinema plot runs/tabletop -o curves.png"""
Curve = tuple[list[float], list[float]]
"""Clips seen, and a value at each."""


def plot(argv: list[str]) -> None:
    """the curves of a training run as PNG: losses, held-out scores, speed"""
    parser = Parser("kinema plot", str(plot.__doc__), EXAMPLES)
    parser.add_argument("run", metavar="RUN", help="the folder of a training run")
    parser.add_argument("-o", "--output", metavar="FILE", help="default: curves.png in RUN")
    options = parser.parse_args(argv)
    output = Path(options.output or Path(options.run, "curves.png"))
    if output.suffix.lower() != ".png":
        raise UserError(f"The curves are written as PNG: give {output} the suffix .png.")
    curves = read_curves(Path(options.run))
    announce(argv, f"Drawing {len(curves)} curves.")
    draw(panels(curves), output)
    print(output)


def read_curves(run: Path) -> dict[str, Curve]:
    """Read every number that a run has written, by name.

    Raises:
        UserError: if the folder is not that of a run, or its file is damaged.
    """
    file = run / "metrics.jsonl"
    if not file.is_file():
        raise UserError(f"{run} is not the folder of a training run: metrics.jsonl is missing.")
    curves: dict[str, Curve] = {}
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        try:
            values = json.loads(line)
            samples = float(values.pop("samples"))
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise UserError(f"{file}: line {number} is not a line of a run.") from error
        for name, value in values.items():
            if isinstance(value, int | float) and math.isfinite(value):
                places, heights = curves.setdefault(name, ([], []))
                places.append(samples)
                heights.append(value)
    if not curves:
        raise UserError(f"{file} holds no numbers yet: wait until the run has made some steps.")
    return curves


def panels(curves: dict[str, Curve]) -> dict[str, dict[str, Curve]]:
    """Group curves: what training and held-out clips say of one quantity share a panel."""
    grouped: dict[str, dict[str, Curve]] = {}
    for name, curve in curves.items():
        quantity = name.removeprefix(HELD_OUT).split("_ema")[0].removesuffix("_final")
        grouped.setdefault(quantity, {})[name] = curve
    return grouped


def draw(grouped: dict[str, dict[str, Curve]], output: Path) -> None:
    """Write one panel a quantity; losses on a logarithmic scale."""
    from kinema.reports.pictures import new_figure, plot_png
    from kinema.storage import write_bytes

    columns = min(len(grouped), 3)
    rows = math.ceil(len(grouped) / columns)
    figure = new_figure(4.5 * columns, 3 * rows)
    axes: Any = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat[len(grouped) :]:
        ax.set_axis_off()
    for ax, (quantity, curves) in zip(axes.flat, grouped.items(), strict=False):
        for name, (samples, values) in curves.items():
            ax.plot(samples, values, marker="." if len(samples) < 30 else "", label=name)
        if "loss" in quantity and all(min(values) > 0 for _, values in curves.values()):
            ax.set_yscale("log")
        ax.set(title=quantity, xlabel="clips")
        ax.legend(fontsize="x-small")
    write_bytes(output, plot_png(figure))
