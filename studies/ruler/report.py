"""What the study of the ruler found: tables of what is seen and what is not, and the heat map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from kinema.metrics.vector import METRICS
from kinema.reports import Picture, Report, Rows, Table, command_line
from kinema.reports.pictures import image_png
from kinema.reports.words import share
from studies.ruler.corruptions import CORRUPTIONS
from studies.ruler.sources import NUM_FRAMES
from studies.ruler.summary import RulerFindings

CELL, LEFT, TOP = 26, 170, 130  # pixels of the heat map
NOTE = """
{clips} clips of {frames} frames from {sources} worlds and files. Each half of these is judged by
thresholds that were fitted on the other half. Stretches of one file are alike, so the 95 %
intervals (Wilson) count worlds and files, not clips.
""".strip()
DETECTION_NOTE = """
Percent of the {clips} clips in which the fault is found by its own name / found under any name. The
95 % interval is of the first.
""".strip()
BEST_NOTE = """
Percent of clips that score higher than their own clean version / area under the curve against all
clean clips. Near 0 means lower, and is as good as 100. *Monotonic* is the percent of the {graded}
clips taken through all strengths whose score moves one way from clean over mild and usual to
strong.
""".strip()
BLIND_NOTE = "Faults that a metric does not see (paired 30 to 70 %, area 40 to 60 %)."


def report_of(found: RulerFindings, options: Mapping[str, Any]) -> Report:
    """Return the report of a run with these options of its command."""
    clips, count = found.num_clips, found.num_sources
    detection = DETECTION_NOTE.format(clips=clips)
    best = BEST_NOTE.format(graded=found.num_graded)
    heat = Picture(
        "Paired detection of every fault by every metric",
        lambda: image_png(heat_map(found.paired)),
    )
    return Report(
        "Which metric sees which fault",
        command_line("python -m studies.ruler", options),
        NOTE.format(clips=clips, frames=NUM_FRAMES, sources=count),
        [
            Table("Found, at the usual strength", detection_table(found), detection),
            alarms(found),
            heat,
            Table("What sees it best", best_table(found), best),
            Table("Blindness", blindness_table(found), BLIND_NOTE),
            Table("Everything, paired/area", full_table(found)),
        ],
    )


def heat_map(shares: np.ndarray) -> np.ndarray:
    """Draw red where a fault raises a metric in all clips, blue where it lowers it, else white.

    Args:
        shares: (corruptions, metrics) in [0, 1]; 0.5 is blind.

    Returns:
        uint8 (h w 3) RGB.
    """
    rows, columns = shares.shape
    image = np.full((TOP + CELL * rows + 6, LEFT + CELL * columns + 60, 3), 255, np.uint8)
    for i in range(rows):
        for j in range(columns):
            away = 2 * shares[i, j] - 1
            color = np.array([1, 1 - abs(away), 1 - abs(away)])
            y, x = TOP + CELL * i, LEFT + CELL * j
            image[y : y + CELL - 1, x : x + CELL - 1] = 255 * (color if away > 0 else color[::-1])
        write_text(image, list(CORRUPTIONS)[i], (4, TOP + CELL * i + 17))
    names = np.full((LEFT, CELL * columns + 60, 3), 255, np.uint8)
    for j, name in enumerate(METRICS):
        column = np.full((CELL, TOP, 3), 255, np.uint8)
        write_text(column, name, (2, 17))
        turned = cv2.rotate(column, cv2.ROTATE_90_COUNTERCLOCKWISE)
        names[:TOP, CELL * j : CELL * (j + 1)] = turned
    image[:TOP, LEFT:] = names[:TOP]
    return image


def write_text(image: np.ndarray, text: str, place: tuple[int, int]) -> None:
    """Write black letters into an image, at (x, y) of their lower left corner."""
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)


def detection_table(found: RulerFindings) -> Rows:
    """Make a row a fault: how often it is found, against the clean clip and alone."""
    rows = [["fault", "strength", "is called", "against the clean clip", "interval", "alone"]]
    for name, corruption in CORRUPTIONS.items():
        compared, alone = found.compared[name], found.alone[name]
        strength = f"{corruption.strengths[1]:g} {corruption.unit}"
        interval = share_of(compared[0], found).partition(" (")[2].rstrip(")")
        rows.append(
            [name, strength, corruption.failure or "-", pair(*compared), interval, pair(*alone)]
        )
    return rows


def alarms(found: RulerFindings) -> str:
    """Say how often clean clips are called faulty."""
    rates = found.false_compared
    compared = ", ".join(f"crf {crf}: {share_of(rate, found)}" for crf, rate in rates.items())
    together = float(np.mean(list(rates.values())))
    return (
        f"False alarms (95 % interval): {share_of(found.false_alone, found)} of the clean "
        f"clips show a failure alone. Of their harmless re-encodes, these shares are called worse: "
        f"{compared}; all together: {share_of(together, found)}."
    )


def share_of(rate: float, found: RulerFindings) -> str:
    """Return a rate in %, with an interval that counts worlds and files."""
    return share(rate * found.num_sources, found.num_sources, unit=" %")


def best_table(found: RulerFindings) -> Rows:
    """Make a row a fault: the three metrics that see it best."""
    metrics = list(METRICS)
    rows = [["fault", "best", "second", "third"]]
    for i, name in enumerate(CORRUPTIONS):
        strength = np.abs(found.auc[i] - 0.5) + np.abs(found.paired[i] - 0.5)
        cells = []
        for j in np.argsort(-strength)[:3]:
            steady = found.monotonic[i, j]
            tail = "" if np.isnan(steady) else f", monotonic {100 * steady:.0f}"
            seen = f"{100 * found.paired[i, j]:.0f}/{100 * found.auc[i, j]:.0f}"
            cells.append(f"{metrics[j]} {seen}{tail}")
        rows.append([name, *cells])
    return rows


def blindness_table(found: RulerFindings) -> Rows:
    """Make a row a metric: the faults that it does not see."""
    rows = [["metric", "does not see"]]
    for j, metric in enumerate(METRICS):
        blind = [
            name
            for i, name in enumerate(CORRUPTIONS)
            if abs(found.paired[i, j] - 0.5) <= 0.2 and abs(found.auc[i, j] - 0.5) <= 0.1
        ]
        rows.append([metric, ", ".join(blind)])
    return rows


def full_table(found: RulerFindings) -> Rows:
    """Make a row a fault, a column a metric."""
    rows = [["fault", *METRICS]]
    for i, name in enumerate(CORRUPTIONS):
        cells = zip(found.paired[i], found.auc[i], strict=True)
        rows.append([name, *(f"{100 * paired:.0f}/{100 * area:.0f}" for paired, area in cells)])
    return rows


def pair(own: float, any_name: float) -> str:
    """Return two shares in %: found by its own name, and by any."""
    return f"{100 * own:.0f} / {100 * any_name:.0f}"
