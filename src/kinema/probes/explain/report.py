"""What the probe found: shares that show what was asked, and what no render explains."""

from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from kinema.clips import sheet_png
from kinema.judges.tabletop.scoring import ASPECTS, TOGETHER, TOTAL_QUESTIONS
from kinema.probes.explain.probe import FILES, GENERATED, Explained, ExplainFindings
from kinema.reports import Picture, Report, Rows, Table, command_line
from kinema.reports.words import mean, share

SHOWN = 12  # clips on a picture, each above the render that explains it
NOTE = """
Every clip is explained by the world's own renderer: table, backdrop, camera and light, and for
every color that is not the stage's a solid with a size and a pose a frame are fitted until the
render comes as near to the frames as it can. Shape, path and contact are those of the fit. Shares
are in %, with 95 % Wilson intervals, means with intervals from resampling the clips. *True renders*
are the floor: what is wrong there is an error of the fit.
""".strip()
LEFT_NOTE = """
*Best render*: PSNR of the fitted render to the clip. *Silhouettes*: intersection over union of
the fitted outlines and of what differs from the empty stage, no object taken for another.
*Contact*: of the clips whose prompt says that one thing goes into another, the share in which the
surfaces meet. *Seen again*: of the clips in which a thing went out of sight, the share in which it
came back. *Size*: deviation of a thing's size over the frames, of the worst thing, in %.
""".strip()


def asked_table(columns: dict[str, list[Explained]]) -> Rows:
    """Make a row an aspect: of each column the share of clips that show what was asked."""
    rows = [
        ["what the fit shows as asked, %", *(f"{k} (n = {len(v)})" for k, v in columns.items())]
    ]
    for aspect, questions in {**ASPECTS, TOGETHER: TOTAL_QUESTIONS}.items():
        row = [aspect]
        for column in columns.values():
            told = [one for one in column if any(question in one.asked for question in questions)]
            row.append(share(sum(is_right(one, questions) for one in told), len(told)))
        rows.append(row)
    return rows


def is_right(one: Explained, questions: tuple[str, ...]) -> bool:
    """Tell whether all questions that the prompt answers are answered so by the fit."""
    asked = [question for question in questions if question in one.asked]
    return all(one.figures.read[question] == one.asked[question] for question in asked)


def left_table(columns: dict[str, list[Explained]]) -> Rows:
    """Make a row a figure of the fit; of each column the mean or the share."""
    rows = [["what is left over", *columns]]
    every = [[one.figures for one in column] for column in columns.values()]
    rows.append(["best render, dB", *(mean([one.psnr for one in some], ".1f") for some in every)])
    outlines = [[one.silhouettes for one in some] for some in every]
    rows.append(["silhouettes", *map(mean, outlines)])
    rows.append(["silhouettes, median", *(f"{np.nanmedian(some):.2f}" for some in outlines)])
    sizes = [[one.size_kept for one in some] for some in every]
    rows.append(["size, deviation, %", *(mean(some, ".1f", scale=100) for some in sizes)])
    rows.append(["as many objects as asked, %", *map(share_of_objects, columns.values())])
    rows.append(["contact that was asked for, %", *map(share_of_contact, columns.values())])
    again = [[one.came_back for one in some if one.came_back is not None] for some in every]
    rows.append(["seen again, %", *(f"{share(sum(a), len(a))}, n = {len(a)}" for a in again)])
    return rows


def share_of_objects(column: list[Explained]) -> str:
    """Return the share of clips with as many colors as their prompt names."""
    told = [one for one in column if one.asked]
    right = sum(one.figures.objects == objects_asked(one) for one in told)
    return share(right, len(told))


def objects_asked(one: Explained) -> int:
    return 1 if one.asked.get("second_shape", "none") == "none" else 2


def share_of_contact(column: list[Explained]) -> str:
    """Return the share of contacts that happen, of those that prompts ask for."""
    told = [one for one in column if one.asked.get("relation") == "into"]
    right = sum(bool(one.figures.contact) for one in told)
    return f"{share(right, len(told))}, n = {len(told)}"


def report_of(findings: ExplainFindings) -> Report:
    """Return the report: what is as asked, what is left over, the best and the worst clips."""
    columns = findings.columns
    first = FILES if FILES in columns else GENERATED
    ranked = sorted(columns[first], key=lambda one: one.figures.psnr)
    least, most = ranked[:SHOWN], ranked[::-1][:SHOWN]
    return Report(
        "Which scene would look like this?",
        command_line("kinema probe explain", asdict(findings.probe)),
        NOTE,
        [
            Table("Is it what was asked for?", asked_table(columns)),
            Table("What does no render explain?", left_table(columns), LEFT_NOTE),
            Picture("worst clips", partial(draw, least), "Explained least: clip, then render"),
            Picture(
                "best clips", partial(draw, most), "Explained most: clip, then render",
                ending="-most",
            ),
        ],
        record_of(findings),
    )  # fmt: skip


def draw(chosen: list[Explained]) -> bytes:
    """Draw clips, each above its render; returns a PNG."""
    rows = [frames for one in chosen for frames in (one.frames, one.render)]
    labels = [label for one in chosen for label in (one.name, words(one))]
    return sheet_png(rows, labels)


def words(one: Explained) -> str:
    """Say what the fit shows, and how near it comes."""
    read = one.figures.read
    things = [f"{read['color']} {read['shape']} {read['action']} {read['direction']}"]
    if read["second_shape"] != "none":
        things.append(f"{read['second_color']} {read['second_shape']} {read['second_action']}")
    fit = f"{one.figures.psnr:.1f} dB, silhouettes {one.figures.silhouettes:.2f}"
    return f"fit: {'; '.join(things)}; camera {read['camera']} -- {fit}"


def record_of(findings: ExplainFindings) -> dict[str, Any]:
    """Return everything but the frames as JSON values."""
    columns = {
        kind: [{"name": one.name, "asked": one.asked, **asdict(one.figures)} for one in column]
        for kind, column in findings.columns.items()
    }
    return {"probe": findings.probe, "columns": columns}
