"""The tables in the terminal and in Markdown, the figures as JSON, a contact sheet of samples."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from kinema.clips import contact_sheet
from kinema.metrics.features.distances import FEATURES
from kinema.metrics.intervals import mean_interval
from kinema.storage import write_bytes
from kinema.training.machine import this_machine
from studies.diffusability.learning import Study
from studies.diffusability.probe import CODED, MADE, NOISE, PIXELS, Findings
from studies.diffusability.scoring import NUM_HALVES

Rows = list[list[str]]
SHEET_ROWS = 3
SPECTRA = "What the latents hold"
SAMPLES = "What a small transformer makes of them"
NOTES = {
    SPECTRA: """
Unseen clips. Slope: of log energy over log frequency, of a discrete cosine transform; 0 is white
noise. Upper half: share of the energy that varies in the upper half of the band, in %. The rows of
pixels are what the latents stand for, on a finer grid. *As it is* and the columns after it: the
error of decoding latents that were transformed, over the deviation of the frames, in %; as it is,
none was. 95 % intervals over clips.
""",
    SAMPLES: """
Distance: unbiased cubic kernel distance times 1000 from true clips of other scenes, in features
that need no weights; 0 is the same distribution. *{coded}* is the ceiling: the clips whose captions
are the prompts, through the codec. *{noise}* is what an untrained network makes. Prompts: share in
which the judge finds all that was asked, with Wilson's interval. Distances have 95 % intervals of
{halves} random halves of captions and true clips, and of seeds; in brackets the seeds alone. The
held-out flow loss is in units of each codec's own latents: it says nothing from codec to codec.
""",
}


def spectra_table(findings: Findings) -> Rows:
    """Header and rows: pixels, then each codec."""
    names = list(dict.fromkeys(n for found in findings.inequivariance.values() for n in found))
    header = ["", "slope in space", "upper half", "slope in time", "upper half", *names]
    rows = [header]
    for name, spectrum in findings.spectra.items():
        cells = []
        for slope, shares in zip(spectrum.slopes(), spectrum.shares(), strict=True):
            cells += [f"{slope:.2f}", percent(shares.tolist())]
        errors = findings.inequivariance.get(name, {})
        rows.append([name, *cells, *(percent(errors[n]) if n in errors else "" for n in names)])
    return rows


def samples_table(findings: Findings) -> Rows:
    """Header and rows: for each codec its samples, ceiling and baseline."""
    header = ["", "", *(f"distance, {kind}" for kind in FEATURES), "prompts, %", "held-out loss"]
    rows = [header]
    for (name, kind), share in findings.prompts.items():
        cells = []
        for distances in findings.distance.values():
            estimate, seeds = distances[name, kind]
            alone = f" [{', '.join(f'{s:.0f}' for s in seeds)}]" if len(seeds) > 1 else ""
            cells.append(f"{estimate.value:.0f} ({estimate.low:.0f} to {estimate.high:.0f}){alone}")
        low, high = share.interval
        cells.append(f"{100 * share.value:.0f} ({100 * low:.0f}-{100 * high:.0f})")
        loss = ", ".join(f"{x:.4f}" for x in findings.held_out[name]) if kind == MADE else ""
        rows.append([name, f"{kind}, n = {share.total}", *cells, loss])
    return rows


def percent(shares: list[float]) -> str:
    """The mean with its interval, in %."""
    low, high = mean_interval(shares)
    return f"{100 * np.mean(shares):.1f} ({100 * low:.1f}-{100 * high:.1f})"


def tables(findings: Findings) -> dict[str, Rows]:
    return {SPECTRA: spectra_table(findings), SAMPLES: samples_table(findings)}


def show(findings: Findings, study: Study) -> None:
    """Print the tables."""
    console = Console()
    console.width = max(console.width, 200)  # a table that wraps its cells cannot be read
    for title, (header, *rows) in tables(findings).items():
        printed = Table(title=title, title_justify="left", box=None, header_style="bold")
        for i, name in enumerate(header):
            printed.add_column(name, justify="left" if i < 2 else "right")
        for row in rows:
            printed.add_row(*row)
        console.print(printed)
    console.print(settings(study))


def settings(study: Study) -> str:
    """How it was done, in a sentence."""
    return (
        f"Transformer dit-{study.size}, the same {study.num_samples:,} draws of "
        f"{study.training_clips:,} clips for every codec, {study.seeds} seed(s), latents of unit "
        f"variance in every channel; {study.making.num_steps} steps, guidance "
        f"{study.making.guidance_scale:g}; {study.num_clips} prompts. {this_machine()}."
    )


def command(findings: Findings, study: Study) -> str:
    """What was typed."""
    names = " ".join(name for name in findings.spectra if name != PIXELS)
    return (
        f"python -m studies.diffusability {names} --num_samples {study.num_samples} "
        f"--seeds {study.seeds} --num_clips {study.num_clips} --size {study.size}"
    )


def page(findings: Findings, study: Study, sheet: str) -> str:
    """The page in Markdown."""
    parts = ["# Latents that a denoiser can learn", f"`{command(findings, study)}`"]
    for title, (header, *rows) in tables(findings).items():
        lines = [f"| {' | '.join(row)} |" for row in rows]
        note = (
            NOTES[title]
            .strip()
            .format(coded=CODED.capitalize(), noise=NOISE.capitalize(), halves=NUM_HALVES)
        )
        rule = "|---" * len(header) + "|"
        parts += [f"## {title}", note, "\n".join([f"| {' | '.join(header)} |", rule, *lines])]
    parts += [settings(study), f"![samples, and true clips through the codec]({sheet})"]
    return "\n\n".join(parts) + "\n"


def write(findings: Findings, study: Study, path: Path) -> list[Path]:
    """Write the page, and beside it the figures as JSON and a contact sheet as PNG."""
    figures, sheet = path.with_suffix(".json"), path.with_suffix(".png")
    shown = [
        (f"{name}, {kind}: {findings.captions[i]}", findings.clips[name, kind][i])
        for i in range(min(SHEET_ROWS, len(findings.captions)))
        for name, kind in findings.clips
        if kind != NOISE
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet([clip for _, clip in shown], sheet, labels=[label for label, _ in shown])
    write_bytes(figures, (json.dumps(record(findings), indent=1) + "\n").encode())
    write_bytes(path, page(findings, study, sheet.name).encode())
    return [path, figures, sheet]


def record(findings: Findings) -> dict[str, Any]:
    """Everything but the clips, as JSON values; spectra as means over clips."""
    return {
        "spectra": {
            name: {"space": s.space.mean(0).tolist(), "time": s.time.mean(0).tolist()}
            for name, s in findings.spectra.items()
        },
        "inequivariance": findings.inequivariance,
        "held_out": findings.held_out,
        "rows": [
            {
                "codec": name, "kind": kind, "prompts": asdict(share),
                "distance": {
                    features: {**asdict(of[name, kind][0]), "seeds": of[name, kind][1]}
                    for features, of in findings.distance.items()
                },
            }
            for (name, kind), share in findings.prompts.items()
        ],
    }  # fmt: skip
