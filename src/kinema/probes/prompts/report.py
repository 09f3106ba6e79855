"""What the probe found, as tables for a terminal and for Markdown, as JSON, and as pictures."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from kinema.clips import contact_sheet
from kinema.probes.prompts.probe import Findings
from kinema.probes.prompts.scoring import Share, faults
from kinema.storage import write_bytes

Rows = list[list[str]]
KINDS = {
    "true": "true renders (floor)",
    "codec": "true, through codec",
    "generated": "generated",
    "frame by frame": "same network, frame by frame",
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


def prompt_table(findings: Findings) -> Rows:
    """Header and rows: aspect, then per column the share in % with its 95 % interval."""
    columns = findings.scores
    totals = [next(iter(shares.values())).total for shares in columns.values()]
    header = ["", *(f"{name} (n = {n})" for name, n in zip(columns, totals, strict=True))]
    aspects = next(iter(columns.values()))
    return [
        header,
        *([aspect, *(_share(c[aspect]) for c in columns.values())] for aspect in aspects),
    ]


def consistency_table(findings: Findings) -> Rows:
    """Header and rows: kind of clip, its warping error, what is above the floor, motion beside."""
    floor = findings.consistency["true"]["warping error"]
    rows = [["", "warping error", "above the floor", *list(FORMATS)[1:]]]
    for kind, title in KINDS.items():
        figures = findings.consistency[kind]
        cells = [format(figures[name], spec) for name, spec in FORMATS.items()]
        rows.append([title, cells[0], f"{figures['warping error'] - floor:.2f}", *cells[1:]])
    return rows


def ratio_line(findings: Findings) -> str:
    """The ratio of warping errors in a sentence."""
    ratio, n = findings.ratio, findings.probe.num_consistency
    assert ratio is not None
    low, high = ratio.interval
    return (
        f"Above the floor, generated clips have {ratio.value:.3f} of the warping error of the same "
        f"network sampled frame by frame (95 % interval {low:.3f} to {high:.3f}, {n} clips)."
    )


def show(findings: Findings) -> None:
    """Print the tables."""
    console = Console()
    console.width = max(console.width, 120)  # a table that wraps its cells cannot be read
    console.print(
        _rich(f"What the judge reads, level {findings.probe.level}, %", prompt_table(findings))
    )
    if findings.ratio is not None:
        console.print(
            _rich("Do the frames agree (grey levels, pixels)", consistency_table(findings))
        )
        console.print(ratio_line(findings))


def write(findings: Findings, path: Path) -> list[Path]:
    """Write the Markdown page, and beside it the figures as JSON and a contact sheet as PNG.

    Returns:
        the files written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = path.with_suffix(".png")
    group = findings.groups["held out"]
    clips = group.clips["generated"]
    rows = list(zip(group.captions, clips.read, group.asked, strict=True))[:SHEET_ROWS]
    labels = [f"{caption} -- {faults(read, asked) or 'as asked'}" for caption, read, asked in rows]
    contact_sheet(list(clips.frames[:SHEET_ROWS]), sheet, labels)
    write_bytes(
        path.with_suffix(".json"), (json.dumps(_record(findings), indent=2) + "\n").encode()
    )
    write_bytes(path, _page(findings, sheet.name).encode())
    return [path, path.with_suffix(".json"), sheet]


def _page(findings: Findings, sheet: str) -> str:
    probe = findings.probe
    command = f"kinema probe prompts --model {probe.model} --num_prompts {probe.num_prompts}"
    command += f" --level {probe.level} --seed {probe.seed}"
    parts = [
        "# Do videos follow their prompts?",
        f"`{command}`",
        "Share of clips, in %, in which the judge reads from the frames alone what the prompt asks "
        "for, with 95 % Wilson intervals. *Held out*: combinations of colour, shape, action and "
        "direction that training never showed. *True renders* is the judge's own ceiling, *random "
        "captions* its floor. *All together* counts clips in which every row above it is right.",
        _markdown(prompt_table(findings)),
    ]
    if findings.ratio is not None:
        parts += [
            "## Do the frames agree?",
            "Corrected warping error in grey levels of 255, with motion in pixels per frame beside "
            "it, because a frozen clip would win.",
            _markdown(consistency_table(findings)),
            ratio_line(findings),
        ]
    parts += [
        "## Clips from held-out prompts, and what the judge says",
        f"![generated clips]({sheet})",
    ]
    return "\n\n".join(parts) + "\n"


def _record(findings: Findings) -> dict:
    """Everything but the frames, as JSON values."""
    return {
        "probe": asdict(findings.probe),
        "scores": {
            column: {
                aspect: {
                    "right": s.right,
                    "total": s.total,
                    "share": s.value,
                    "interval": s.interval,
                }
                for aspect, s in shares.items()
            }
            for column, shares in findings.scores.items()
        },
        "consistency": findings.consistency,
        "ratio": None if findings.ratio is None else asdict(findings.ratio),
        "clips": [
            {"split": name, "caption": caption, "asked": asked, "read": read}
            for name, group in findings.groups.items()
            for caption, asked, read in zip(
                group.captions, group.asked, group.clips["generated"].read, strict=True
            )
        ],
    }


def _share(share: Share) -> str:
    low, high = share.interval
    return f"{100 * share.value:.1f} ({100 * low:.0f}-{100 * high:.0f})"


def _markdown(rows: Rows) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def _rich(title: str, rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    for i, name in enumerate(rows[0]):
        table.add_column(name, justify="left" if i == 0 else "right", no_wrap=i == 0)
    for row in rows[1:]:
        table.add_row(*row)
    return table
