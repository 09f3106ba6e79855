"""What the probe of prompts found: what the judge reads, whether frames agree and are clean."""

from dataclasses import asdict
from typing import Any

import numpy as np

from kinema.clips import sheet_png
from kinema.judges.tabletop.scoring import faults
from kinema.probes.prompts.probe import PromptFindings
from kinema.reports import Picture, Report, Rows, Table, command_line
from kinema.reports.words import mean, share

KINDS = {
    "true": "true renders (floor)",
    "codec": "true, through codec",
    "generated": "generated",
    "frame by frame": "same network, frame by frame",
}
CLEAN_KINDS = {
    "true": "true renders (floor)",
    "codec": "true, through codec",
    "generated": "generated",
    "smoothed": "generated, borders smoothed by a fixed filter",
}
FORMATS = {
    "warping error": ".2f",
    "plain difference": ".2f",
    "explained": ".2f",
    "coverage": ".2f",
    "motion": ".3f",
    "motion of the fastest 5 %": ".2f",
}
SHEET_ROWS = 12
NOTE = """
Share of clips, in %, in which the judge reads from the frames alone what the prompt asks for, with
95 % Wilson intervals. *Held out* are combinations of color, shape, action and direction that
training never showed, *other words* the same scenes in sentences that no caption makes of words
that captions have. *True renders* is the judge's own ceiling, *random captions* its floor. *All
together* counts clips in which every row above it is right.
""".strip()
AGREEMENT_NOTE = """
Corrected warping error in gray levels of 255. Motion in pixels a frame stands beside it, because a
frozen clip would win.
""".strip()
CLEAN_NOTE = """
Held-out scenes whose camera stands still. *Seams*: mean absolute steps, in gray levels, of the
difference from the clip's median where nothing moves, across the borders of the codec's blocks and
elsewhere. *Outlines*: how steeply the outlines of what moves rise, a share of their contrast a
pixel, and that over the share of true renders.
""".strip()


def prompt_table(findings: PromptFindings) -> Rows:
    """Make a row an aspect: of each column the share in % with its 95 % interval."""
    columns = findings.scores
    totals = [next(iter(shares.values())).total for shares in columns.values()]
    rows = [["", *(f"{name} (n = {n})" for name, n in zip(columns, totals, strict=True))]]
    for aspect in next(iter(columns.values())):
        shares = [column[aspect] for column in columns.values()]
        rows.append([aspect, *(share(one.right, one.total, digits=1) for one in shares)])
    return rows


def consistency_table(findings: PromptFindings) -> Rows:
    """Make a row a kind of clip: its warping error, what is above the floor, its motion."""
    floor = findings.consistency["true"]["warping error"]
    rows = [["", "warping error", "above the floor", *list(FORMATS)[1:]]]
    for kind, title in KINDS.items():
        figures = findings.consistency[kind]
        cells = [format(figures[name], spec) for name, spec in FORMATS.items()]
        rows.append([title, cells[0], f"{figures['warping error'] - floor:.2f}", *cells[1:]])
    return rows


def cleanness_table(findings: PromptFindings) -> Rows:
    """Make a row a kind of clip: its seams and its outlines."""
    true = np.nanmean(findings.clean["true"].sharpness)
    rows = [["", "clips", "seams, ratio", "at borders", "elsewhere", "outlines", "of true"]]
    for kind, title in CLEAN_KINDS.items():
        clean = findings.clean[kind]
        figures = (clean.ratios, clean.at_borders, clean.elsewhere, clean.sharpness)
        relative = f"{np.nanmean(clean.sharpness) / true:.2f}"
        rows.append([title, str(len(clean.sharpness)), *map(mean, figures), relative])
    return rows


def ratio_line(findings: PromptFindings) -> str:
    """Return the ratio of warping errors in a sentence."""
    ratio, n = findings.ratio, findings.probe.num_consistency
    assert ratio is not None
    low, high = ratio.interval
    return (
        f"Above the floor, generated clips have {ratio.value:.3f} of the warping error of the same "
        f"network sampled frame by frame (95 % interval {low:.3f} to {high:.3f}, {n} clips)."
    )


def report_of(findings: PromptFindings) -> Report:
    """Return the report: shares, agreement of frames if it was measured, and a contact sheet."""
    level = findings.probe.level
    parts: list[Table | Picture | str] = [
        Table(f"What the judge reads, level {level}, %", prompt_table(findings))
    ]
    if findings.ratio is not None:
        rows = consistency_table(findings)
        parts += [Table("Do the frames agree?", rows, AGREEMENT_NOTE), ratio_line(findings)]
    parts.append(Table("Are they clean?", cleanness_table(findings), CLEAN_NOTE))
    title = "Clips from held-out prompts, and what the judge says"
    parts.append(Picture("generated clips", lambda: draw_clips(findings), title))
    return Report(
        "Do videos follow their prompts?",
        command_line("kinema probe prompts", asdict(findings.probe)),
        NOTE,
        parts,
        record_of(findings),
    )


def draw_clips(findings: PromptFindings) -> bytes:
    """Draw clips from held-out prompts under what is wrong with them; returns a PNG."""
    group = findings.groups["held out"]
    clips = group.clips["generated"]
    rows = list(zip(group.captions, clips.read, group.asked, strict=True))[:SHEET_ROWS]
    labels = [f"{caption} -- {faults(read, asked) or 'as asked'}" for caption, read, asked in rows]
    return sheet_png(list(clips.frames[:SHEET_ROWS]), labels)


def record_of(findings: PromptFindings) -> dict[str, Any]:
    """Return everything but the frames as JSON values."""
    scores = {
        column: {
            aspect: {**asdict(one), "share": one.value, "interval": one.interval}
            for aspect, one in shares.items()
        }
        for column, shares in findings.scores.items()
    }
    clips = [
        {"split": name, "caption": caption, "asked": asked, "read": read}
        for name, group in findings.groups.items()
        for caption, asked, read in zip(
            group.captions, group.asked, group.clips["generated"].read, strict=True
        )
    ]
    return {
        "probe": findings.probe,
        "scores": scores,
        "consistency": findings.consistency,
        "clean": {kind: asdict(clean) for kind, clean in findings.clean.items()},
        "ratio": None if findings.ratio is None else asdict(findings.ratio),
        "clips": clips,
    }
