"""What the probe of physics found, law by law, beside what is published."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from kinema.clips import sheet_png
from kinema.probes.physics.probe import FLOOR, MODEL, SPLITS, STRAIGHT, PhysicsFindings
from kinema.probes.physics.published import DATA, PARSER, PUBLISHED, SIZES
from kinema.reports import Picture, Report, Rows, Table, command_line
from kinema.reports.words import mean

OTHER_FIGURES = {
    "lost": "disc lost, %",
    "radius_error": "radius error",
    "momentum_error": "momentum error",
    "energy_error": "energy error",
    "gravity_error": "gravity error",
}
PLACES = {"in": "in distribution", "out": "out of distribution"}
NOTE = """
The first {given} frames are given, the model makes the rest, and a parser reads the discs off the
frames. The velocity error is the mean of |velocity - true velocity|, with a 95 % interval from
resampling the clips. Only frames that show the whole true disc count, and of a collision only those
after it. In a box walls turn the velocity, so the mean |velocity| along x and along y is compared.
Behind a curtain only clips count whose given frames show the whole disc. *True clips* is the
parser's own error, the floor.
""".strip()


def score_table(found: PhysicsFindings) -> Rows:
    """Make a row a predictor: its velocity error in and out of distribution, with intervals."""
    judged = {place: found.scores[place][FLOOR].values("velocity_error") for place in SPLITS}
    heads = [f"{PLACES[place]} (n = {len(judged[place])})" for place in SPLITS]
    rows = [["velocity error, units/s", *heads]]
    for name in found.scores["in"]:
        errors = (found.scores[place][name].values("velocity_error") for place in SPLITS)
        rows.append([name, *(mean(values, ".4f") for values in errors)])
    return rows


def figure_table(found: PhysicsFindings) -> Rows:
    """Make a row a figure other than the velocity error, of the model beside its floor."""
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
    """Make a row a band of speeds and sizes out of distribution."""
    rows = [["out of distribution", "n", "model", FLOOR, STRAIGHT]]
    scores = found.scores["out"]
    for name, members in found.bands().items():
        count = len(scores[FLOOR].values("velocity_error", members))
        means = [scores[row].mean("velocity_error", members) for row in (MODEL, *rows[0][3:])]
        rows.append([name, str(count), *(f"{mean:.3f}" for mean in means)])
    return rows


def published_table(law: str) -> Rows:
    """Make a row a model of Kang et al.: what they report for each size of the training set."""
    heads = [f"{place} {data}" for place in SPLITS for data in DATA]
    rows = [["Kang et al. 2024", *heads]]
    for row, size in enumerate(SIZES):
        figures = [value for place in SPLITS for value in PUBLISHED[law][place][row]]
        rows.append([size, *(f"{value:.3f}" for value in figures)])
    return [*rows, ["true clips, their parser", f"{PARSER[law]:.3f}", *[""] * 5]]


def tables(found: PhysicsFindings) -> list[Table]:
    """Return all tables of one law; the published one where there is one."""
    law, probe = found.probe.law, found.probe
    title = f"{law.capitalize()}: {probe.model}, {found.parameters / 1e6:.1f} M parameters"
    rows = [figure_table(found), band_table(found)]
    rows += [published_table(law)] if law in PUBLISHED else []
    first = Table(title, score_table(found))
    return [first, *(Table("", more) for more in rows)]


def report_of(all_found: Sequence[PhysicsFindings]) -> Report:
    """Return the report of one law or of several."""
    probe = all_found[0].probe
    options = asdict(probe)
    if len(all_found) > 1:
        options |= {"law": "all", "model": None}
    rows, labels = sheet_of(all_found)
    picture = Picture(
        "true and predicted clips", lambda: sheet_png(rows, labels), "True and predicted clips"
    )
    return Report(
        "Does it obey mechanics?",
        command_line("kinema probe physics", options),
        NOTE.format(given=probe.given),
        [*(table for found in all_found for table in tables(found)), picture],
        [record_of(found) for found in all_found],
    )


def sheet_of(all_found: Sequence[PhysicsFindings]) -> tuple[list[np.ndarray], list[str]]:
    """Return two clips of each law and split, true and predicted in turn, and their labels."""
    rows, labels = [], []
    for found in all_found:
        for place in SPLITS:
            for true, made in list(zip(*found.clips[place], strict=True))[:2]:
                rows += [true, made]
                labels += [f"{found.probe.law}, {PLACES[place]}: true", "model"]
    return rows, labels


def record_of(found: PhysicsFindings) -> dict[str, Any]:
    """Return the velocity errors of one law as JSON values."""
    return {
        "probe": found.probe,
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
