"""What the occlusion probe found: tables for a terminal and a page, all figures as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from kinema import storage
from kinema.probes.drift.probe import TRUE
from kinema.probes.occlusion.probe import Found, Survival
from kinema.probes.occlusion.worlds import WORLDS
from kinema.reports.tables import Rows, command, markdown, print_table

TITLE = "Hidden objects that come out as themselves, %"
GAPS = (16, 20, 24)  # frames, the edges of what is told apart
PAGE = """# Hidden objects

`{command}`

{note} *Last given frame held* is the trivial baseline, *true continuation* the ceiling.

*Sees back*: frames back that every new frame sees, at least; *and the first*: of the frames that
the model was given (no more than its overlap), seen for ever; *one in*: key frames alone are seen.
*Inside*: scenes in which the first frame that shows something of the object again sees back to one
that shows it whole. *Outside*: all others; what shows it may still be seen there, from a late
place in a window. *Frames to bridge*: from the last frame that shows it whole to the first that
shows something of it again; a horizon as long as that holds one whole view, from which no speed
can be read.

{parts}
"""


def survival_table(found: Found) -> Rows:
    """A header, and for every column the share that survived in %, with Wilson intervals."""
    lengths = list(found[TRUE])
    rows = [["", *(f"hidden for {length}" for length in lengths)]]
    for column, row in found.items():
        rows.append([column, *(share(row[k]) if k in row else "-" for k in lengths)])
    return rows


def horizon_table(found: Found) -> Rows:
    """A header, and for every strategy the share that survived inside its horizon and outside."""
    rows = [["", "sees back (frames)", "inside the horizon", "outside"]]
    for column, row in found.items():
        made = [one for one in row.values() if one.sight is not None]
        if made:
            cells = [share(pooled(one.where(side) for one in made)) for side in (True, False)]
            rows.append([column, str(made[0].sight), *cells])
    return rows


def gap_table(found: Found) -> Rows:
    """A header, and for every strategy the share that survived by the frames to be bridged."""
    bands = [(low + 1, high) for low, high in zip((0, *GAPS), (*GAPS, np.inf), strict=True)]
    named = [f"{low} to {high:.0f}" for low, high in bands[1:-1]]
    rows = [["frames to bridge", f"up to {GAPS[0]}", *named, f"more than {GAPS[-1]}"]]
    for column, row in found.items():
        made = [one for one in row.values() if one.sight is not None]
        if made:
            parts = [pooled(one.across(*band) for one in made) for band in bands]
            rows.append([column, *map(share, parts)])
    return rows


def pooled(parts: Iterable[Survival]) -> Survival:
    """The videos of all."""
    return Survival([outcome for part in parts for outcome in part.outcomes])


def place_table(found: Found) -> Rows:
    """A header, and for every column how late and how far off; empty where no world told."""
    if not any(one.late for row in found.values() for one in row.values()):
        return []
    lengths = list(found[TRUE])
    rows = [["", *(f"hidden for {length}" for length in lengths)]]
    for column, row in found.items():
        rows.append([column, *(error(row[k]) if k in row else "-" for k in lengths)])
    return rows


def share(survival: Survival) -> str:
    """In %, with its interval and the number of videos; "-" where there are none."""
    if not survival.total:
        return "-"
    low, high = survival.interval
    value = 100 * survival.right / survival.total
    return f"{value:.0f} ({100 * low:.0f}-{100 * high:.0f}, n = {survival.total})"


def error(survival: Survival) -> str:
    """Means of |late| in frames and off in units, of the videos that have them."""
    late, off = survival.late, survival.off
    parts = [f"late {np.abs(late).mean():.1f} (n = {len(late)})"] if late else []
    parts += [f"off {np.mean(off):.2f} (n = {len(off)})"] if off else []
    return ", ".join(parts) or "-"


def show(found: Found) -> None:
    """Print the tables."""
    print_table(TITLE, survival_table(found))
    print_table("Inside and outside what a strategy sees, %", horizon_table(found))
    print_table("By the frames to be bridged, %", gap_table(found))
    if rows := place_table(found):
        print_table("How late (frames) and how far off (units)", rows)


def write(found: Found, world: str, asked: dict[str, Any], report: str | Path) -> list[Path]:
    """Write the page, and beside it all figures as JSON.

    Args:
        found: what was found.
        world: a name in `WORLDS`.
        asked: options of the command that made it, None where one was not given.
        report: the Markdown file.

    Returns:
        the files written.
    """
    path, data = Path(report), Path(report).with_suffix(".json")
    tables = [survival_table(found), horizon_table(found), gap_table(found), place_table(found)]
    parts = [markdown(rows) for rows in tables if rows]
    page = PAGE.format(
        command=command("occlusion", asked), note=WORLDS[world].note, parts="\n\n".join(parts)
    )
    figures = {c: {str(k): asdict(one) for k, one in row.items()} for c, row in found.items()}
    storage.write_bytes(path, page.encode())
    storage.write_bytes(data, (json.dumps(figures, indent=1) + "\n").encode())
    return [path, data]
