"""What the probe of occlusion found: how often hidden objects survive, and how well."""

from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from kinema.probes.drift.probe import TRUE
from kinema.probes.occlusion.probe import Found, OcclusionFindings, Survival
from kinema.probes.occlusion.worlds import WORLDS
from kinema.reports import Report, Rows, Table, command_line
from kinema.reports.words import share

GAPS = (16, 20, 24)  # frames, the edges of what is told apart
NOTE = """
{note} *Last given frame held* is the trivial baseline, *true continuation* the ceiling.
""".strip()
HORIZON_NOTE = """
*Sees back*: every new frame sees at least so many frames back. *And the first*: it also sees the
first of the given frames (no more than its overlap) for ever. *One in*: it sees key frames alone.
*Inside*: scenes in which the first frame that shows something of the object again sees back to a
frame that shows it whole. *Outside*: all others. A late frame of a window may still see it there.
""".strip()
GAP_NOTE = """
*Frames to bridge*: from the last frame that shows the object whole to the first that shows
something of it again. A horizon of just that length holds one whole view, from which no speed can
be read.
""".strip()


def survival_table(found: Found) -> Rows:
    """Make a row a column: the share that survived in %, with Wilson intervals."""
    return by_length(found, share_of)


def by_length(found: Found, cell: Callable[[Survival], str]) -> Rows:
    """Make a row a column, with a cell for each length of the occlusion."""
    lengths = list(found[TRUE])
    rows = [["", *(f"hidden for {length}" for length in lengths)]]
    for column, row in found.items():
        rows.append([column, *(cell(row[k]) if k in row else "-" for k in lengths)])
    return rows


def horizon_table(found: Found) -> Rows:
    """Make a row a strategy: the share that survived inside its horizon and outside."""
    rows = [["", "sees back (frames)", "inside the horizon", "outside"]]
    for column, made in made_by(found).items():
        sight = made[0].sight
        assert sight is not None
        sides = ((0, sight.horizon), (sight.horizon + 1, np.inf))
        rows.append([column, str(sight), *(share_within(made, *side) for side in sides)])
    return rows


def gap_table(found: Found) -> Rows:
    """Make a row a strategy: the share that survived, by the frames to be bridged."""
    bands = [(low + 1, high) for low, high in zip((0, *GAPS), (*GAPS, np.inf), strict=True)]
    named = [f"{low} to {high:.0f}" for low, high in bands[1:-1]]
    rows = [["frames to bridge", f"up to {GAPS[0]}", *named, f"more than {GAPS[-1]}"]]
    for column, made in made_by(found).items():
        rows.append([column, *(share_within(made, *band) for band in bands)])
    return rows


def made_by(found: Found) -> dict[str, list[Survival]]:
    """Return strategy -> what survived in its videos, of every length."""
    made = {name: [one for one in row.values() if one.sight] for name, row in found.items()}
    return {name: parts for name, parts in made.items() if parts}


def share_within(parts: list[Survival], least: int, most: float) -> str:
    """Return the share that survived a gap of `least` to `most` frames, of all lengths."""
    pieces = [part.across(least, most).outcomes for part in parts]
    return share_of(Survival([outcome for piece in pieces for outcome in piece]))


def place_table(found: Found) -> Rows:
    """Make a row a column: how late and how far off; no rows where the world does not tell."""
    if not any(one.late for row in found.values() for one in row.values()):
        return []
    return by_length(found, error)


def share_of(survival: Survival) -> str:
    """Return the share that survived in %, its interval and n; "-" where there are no videos."""
    words = share(survival.right, survival.total)
    return words.replace(")", f", n = {survival.total})")


def error(survival: Survival) -> str:
    """Return the means of |late| in frames and of off in units, of the videos that have them."""
    late, off = survival.late, survival.off
    parts = [f"late {np.abs(late).mean():.1f} (n = {len(late)})"] if late else []
    parts += [f"off {np.mean(off):.2f} (n = {len(off)})"] if off else []
    return ", ".join(parts) or "-"


def report_of(findings: OcclusionFindings) -> Report:
    """Return the report: survival by length, by horizon and by gap, and the errors of place."""
    found = findings.found
    tables = [
        Table("Hidden objects that come out as themselves, %", survival_table(found)),
        Table("Inside and outside what a strategy sees, %", horizon_table(found), HORIZON_NOTE),
        Table("By the frames to be bridged, %", gap_table(found), GAP_NOTE),
    ]
    if rows := place_table(found):
        tables.append(Table("How late (frames) and how far off (units)", rows))
    options = {k: v for k, v in asdict(findings.probe).items() if k != "folder"}
    return Report(
        "Hidden objects",
        command_line("kinema probe occlusion", options),
        NOTE.format(note=WORLDS[findings.probe.world].note),
        tables,
        found,
    )
