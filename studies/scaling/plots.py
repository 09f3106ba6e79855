"""The curves of the arms as PNG: against clips seen, parameters, and different clips."""

from typing import Any

import numpy as np

from kinema.metrics.intervals import mean_interval
from kinema.probes.physics.probe import FLOOR
from kinema.reports.pictures import new_figure, plot_png
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
from studies.scaling.probe import CODED, EDGES, IN, MIDDLE, OUT, TRAINING
from studies.scaling.records import Records

COLUMNS = {
    SIZE: (IN, OUT),
    DATA: (TRAINING, IN, OUT),
    ATTENTION: (IN, OUT),
    NOISE: (IN, OUT),
    CODEC: (CODED, IN, OUT),
    MISSING_MIDDLE: (EDGES, MIDDLE, OUT),
}


def arms_of(question: str, records: Records) -> list[str]:
    """Return the recipe and the arms of a question, as far as they are measured."""
    return [name for name in records if ARMS[name].question in ("", question)]


MARKS = {IN: ("o", "C0"), OUT: ("s", "C1"), TRAINING: ("^", "C2")}  # and colors


def questions_of(records: Records) -> list[str]:
    """Return the questions to which an arm beside the recipe is measured."""
    return [q for q in QUESTIONS if any(ARMS[name].question == q for name in records)]


def draw(records: Records, baselines: Records) -> bytes:
    """Draw error against clips seen, of all arms; against parameters and different clips.

    Returns:
        a PNG.

    Raises:
        UserError: if matplotlib is not installed.
    """
    places = {
        SIZE: ("parameters", {name: record.parameters for name, record in records.items()}),
        DATA: ("different clips", {name: ARMS[name].num_clips for name in records}),
    }
    asked = [question for question in questions_of(records) if question in places]
    figure = new_figure(6 + 5 * len(asked), 5)
    panels = figure.subplots(1, 1 + len(asked), sharey=True, squeeze=False)[0]
    draw_curves(panels[0], records)
    for panel, question in zip(panels[1:], asked, strict=True):
        axis, at = places[question]
        draw_question(panel, question, records, at)
        panel.set(xlabel=axis, title=f"{question}, trained to the end")
    floor = np.mean(baselines[FLOOR].errors[IN])
    for panel in panels:
        panel.axhline(floor, color="0.6", ls="--", lw=1, label="floor, in distribution")
        panel.set(xscale="log", yscale="log")
        panel.legend(fontsize=8)
    return plot_png(figure)


def draw_curves(panel: Any, records: Records) -> None:
    """Draw every arm's error at each validation of its run."""
    for number, (name, record) in enumerate(records.items()):
        width = 2.5 if name == RECIPE else 1.2
        mark = "osD^vPX*d"[number % 9]
        panel.plot(record.samples, record.curve, f"{mark}-", color=f"C{number}", lw=width, ms=4,
                   label=name)  # fmt: skip
    panel.set(title="samples seen, unseen clips of each run", xlabel="clips seen",
              ylabel="velocity error, units a second")  # fmt: skip


def draw_question(panel: Any, question: str, records: Records, places: dict[str, int]) -> None:
    """Draw mean errors with their intervals, one line a set of clips, at a place each arm."""
    names = sorted(arms_of(question, records), key=lambda name: places[name])
    for where in COLUMNS[question]:
        known = [name for name in names if records[name].errors.get(where)]
        errors = [records[name].errors[where] for name in known]
        means = np.array([np.mean(e) for e in errors])
        ends = np.array([mean_interval(e) for e in errors]).reshape(-1, 2).T
        at = [places[name] for name in known]
        mark, color = MARKS[where]
        panel.errorbar(at, means, yerr=np.abs(ends - means), fmt=f"{mark}-", color=color,
                       capsize=3, label=where)  # fmt: skip
