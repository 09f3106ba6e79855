"""The page of `python -m studies.ruler`: tables in Markdown and the heat map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from kinema import storage
from kinema.metrics.intervals import wilson_interval
from kinema.metrics.vector import METRICS
from studies.ruler.corruptions import CORRUPTIONS

if TYPE_CHECKING:
    from studies.ruler.probe import Summary

CELL, LEFT, TOP = 26, 170, 130  # pixels of the heat map


def write_page(summary: Summary, output: str | Path, seed: int = 0) -> None:
    """Write the Markdown file, and the heat map beside it with the suffix .png.

    Args:
        summary: what the probe learned.
        output: the Markdown file.
        seed: of the run, named on the page.
    """
    output = Path(output)
    picture = output.with_suffix(".png")
    data = cv2.imencode(".png", cv2.cvtColor(heat_map(summary.paired), cv2.COLOR_RGB2BGR))[1]
    storage.write_bytes(picture, data.tobytes())
    parts = [
        "# Which metric sees which fault",
        f"Printed by `python -m studies.ruler`, seed {seed}, {summary.num_clips} clips of 20 "
        f"frames from {summary.num_sources} worlds and files. Each half of these is judged by "
        "thresholds fitted on the other half. Stretches of one file are alike: the 95 % intervals "
        "(Wilson) count worlds and files, not clips.",
        _detection(summary),
        _alarms(summary),
        f"![Paired detection of every fault by every metric]({picture.name})",
        _best(summary),
        _blindness(summary),
        _full(summary),
    ]
    storage.write_bytes(output, ("\n\n".join(parts) + "\n").encode())


def heat_map(shares: np.ndarray) -> np.ndarray:
    """Red where a fault raises a metric in all clips, blue where it lowers it, white where blind.

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
            colour = np.array([1, 1 - abs(away), 1 - abs(away)])
            y, x = TOP + CELL * i, LEFT + CELL * j
            image[y : y + CELL - 1, x : x + CELL - 1] = 255 * (colour if away > 0 else colour[::-1])
        _text(image, list(CORRUPTIONS)[i], (4, TOP + CELL * i + 17))
    names = np.full((LEFT, CELL * columns + 60, 3), 255, np.uint8)
    for j, name in enumerate(METRICS):
        column = np.full((CELL, TOP, 3), 255, np.uint8)
        _text(column, name, (2, 17))
        turned = cv2.rotate(column, cv2.ROTATE_90_COUNTERCLOCKWISE)
        names[:TOP, CELL * j : CELL * (j + 1)] = turned
    image[:TOP, LEFT:] = names[:TOP]
    return image


def _text(image: np.ndarray, text: str, place: tuple[int, int]) -> None:
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)


def _detection(summary: Summary) -> str:
    count = summary.num_sources
    rows = [
        f"| {name} | {corruption.strengths[1]:g} {corruption.unit} | {corruption.failure or '-'} "
        f"| {_pair(summary.compared[name])} | {_interval(summary.compared[name][0], count)} "
        f"| {_pair(summary.alone[name])} |"
        for name, corruption in CORRUPTIONS.items()
    ]
    head = (
        f"## Found, at the usual strength\n\nPercent of the {summary.num_clips} clips in which the "
        "fault is found by its own name / found under any name; the 95 % interval is of the first."
        "\n\n"
        "| fault | strength | is called | against the clean clip | interval | alone |\n"
        "|---|---|---|---|---|---|"
    )
    return "\n".join([head, *rows])


def _alarms(summary: Summary) -> str:
    compared = ", ".join(
        f"crf {crf}: {_share(rate, summary.num_sources)}"
        for crf, rate in summary.false_compared.items()
    )
    together = float(np.mean(list(summary.false_compared.values())))
    return (
        f"False alarms (95 % interval): {_share(summary.false_alone, summary.num_sources)} of the "
        f"clean clips show a failure alone; of their harmless re-encodes are called worse: "
        f"{compared}; all together: {_share(together, summary.num_sources)}."
    )


def _share(rate: float, count: int) -> str:
    return f"{100 * rate:.0f} % ({_interval(rate, count)})"


def _interval(rate: float, count: int) -> str:
    low, high = wilson_interval(rate * count, count)
    return f"{100 * low:.0f} to {100 * high:.0f}"


def _best(summary: Summary) -> str:
    metrics = list(METRICS)
    rows = []
    for i, name in enumerate(CORRUPTIONS):
        strength = np.abs(summary.auc[i] - 0.5) + np.abs(summary.paired[i] - 0.5)
        cells = []
        for j in np.argsort(-strength)[:3]:
            steady = summary.monotonic[i, j]
            tail = "" if np.isnan(steady) else f", monotonic {100 * steady:.0f}"
            cells.append(
                f"{metrics[j]} {100 * summary.paired[i, j]:.0f}/{100 * summary.auc[i, j]:.0f}{tail}"
            )
        rows.append(f"| {name} | {' | '.join(cells)} |")
    head = (
        "## What sees it best\n\nPercent of clips that score higher than their own clean version / "
        "area under the curve against all clean clips; near 0 means lower, and is as good as 100. "
        f"Monotonic: percent of the {summary.num_graded} clips taken through all strengths whose "
        "score moves one way from clean over mild and usual to strong.\n\n"
        "| fault | best | second | third |\n|---|---|---|---|"
    )
    return "\n".join([head, *rows])


def _blindness(summary: Summary) -> str:
    blind = [
        f"- {metric}: "
        + ", ".join(
            name
            for i, name in enumerate(CORRUPTIONS)
            if abs(summary.paired[i, j] - 0.5) <= 0.2 and abs(summary.auc[i, j] - 0.5) <= 0.1
        )
        for j, metric in enumerate(METRICS)
    ]
    return (
        "## Blindness\n\nFaults a metric does not see (paired 30 to 70 %, area 40 to 60 %).\n\n"
        + "\n".join(blind)
    )


def _full(summary: Summary) -> str:
    head = "| fault | " + " | ".join(METRICS) + " |\n|---|" + "---|" * len(METRICS)
    rows = [
        f"| {name} | "
        + " | ".join(
            f"{100 * p:.0f}/{100 * a:.0f}"
            for p, a in zip(summary.paired[i], summary.auc[i], strict=True)
        )
        + " |"
        for i, name in enumerate(CORRUPTIONS)
    ]
    return "\n".join(["## Everything, paired/area\n", head, *rows])


def _pair(rates: tuple[float, float]) -> str:
    return f"{100 * rates[0]:.0f} / {100 * rates[1]:.0f}"
