"""What the study of diffusability found: spectra, scores of samples, and a sheet of samples."""

from dataclasses import asdict
from typing import Any

import numpy as np

from kinema.clips import sheet_png
from kinema.metrics.features.distances import FEATURES
from kinema.reports import Picture, Report, Rows, Table, command_line
from kinema.reports.words import between, mean, share
from kinema.training.meter import this_machine
from studies.diffusability.learning import Study
from studies.diffusability.probe import CODED, MADE, NOISE, PIXELS, DiffusabilityFindings
from studies.diffusability.scoring import NUM_HALVES

SHEET_ROWS = 3
SPECTRA_NOTE = """
Unseen clips. *Slope* is that of log energy over log frequency, of a discrete cosine transform;
white noise has 0. *Upper half* is the share of the energy that varies in the upper half of the
band, in %. The rows of pixels are what the latents stand for, on a finer grid. *As it is* and the
columns after it are the error of decoding latents that were transformed, divided by the deviation
of the frames, in %; in the column *as it is* none was transformed. 95 % intervals are over clips.
""".strip()
SAMPLES_NOTE = f"""
*Distance* is the unbiased cubic kernel distance times 1000 from true clips of other scenes, in
features that need no weights; 0 is the same distribution. *{CODED.capitalize()}* is the ceiling:
the clips whose captions are the prompts, through the codec. *{NOISE.capitalize()}* is what an
untrained network makes. *Prompts* is the share in which the judge finds all that was asked, with
Wilson's interval. Distances have 95 % intervals of {NUM_HALVES} random halves of captions and true
clips, and of seeds; the seeds alone stand in brackets. The held-out flow loss is in units of each
codec's own latents, so it cannot be compared from codec to codec.
""".strip()


def spectra_table(findings: DiffusabilityFindings) -> Rows:
    """Make a row for the pixels, then one for each codec."""
    names = list(dict.fromkeys(n for found in findings.inequivariance.values() for n in found))
    header = ["", "slope in space", "upper half", "slope in time", "upper half", *names]
    rows = [header]
    for name, spectrum in findings.spectra.items():
        cells = []
        for slope, shares in zip(spectrum.slopes(), spectrum.shares(), strict=True):
            cells += [f"{slope:.2f}", percent(shares)]
        errors = findings.inequivariance.get(name, {})
        rows.append([name, *cells, *(percent(errors[n]) if n in errors else "" for n in names)])
    return rows


def samples_table(findings: DiffusabilityFindings) -> Rows:
    """Make a row for the samples, the ceiling and the baseline of each codec."""
    header = ["", "", *(f"distance, {kind}" for kind in FEATURES), "prompts, %", "held-out loss"]
    rows = [header]
    for (name, kind), followed in findings.prompts.items():
        cells = []
        for distances in findings.distance.values():
            estimate, seeds = distances[name, kind]
            alone = f" [{', '.join(f'{s:.0f}' for s in seeds)}]" if len(seeds) > 1 else ""
            cells.append(between(estimate.value, estimate.low, estimate.high, ".0f") + alone)
        cells.append(share(followed.right, followed.total))
        loss = ", ".join(f"{x:.4f}" for x in findings.held_out[name]) if kind == MADE else ""
        rows.append([name, f"{kind}, n = {followed.total}", *cells, loss])
    return rows


def percent(shares: list[float] | np.ndarray) -> str:
    """Return the mean with its interval, in %."""
    return mean(shares, ".1f", scale=100)


def report_of(findings: DiffusabilityFindings, study: Study) -> Report:
    """Return the report: what the latents hold, what is learned of them, and samples."""
    names = [name for name in findings.spectra if name != PIXELS]
    shown = ("num_samples", "seeds", "num_clips", "size")
    options = {"files": names} | {name: getattr(study, name) for name in shown}
    return Report(
        "Latents that a denoiser can learn",
        command_line("python -m studies.diffusability", options),
        "",
        [
            Table("What the latents hold", spectra_table(findings), SPECTRA_NOTE),
            Table("What a small transformer makes of them", samples_table(findings), SAMPLES_NOTE),
            settings(study),
            Picture("samples, and true clips through the codec", lambda: draw_samples(findings)),
        ],
        record_of(findings),
    )


def settings(study: Study) -> str:
    """Return how it was done, in a sentence."""
    return (
        f"Transformer dit-{study.size}, the same {study.num_samples:,} draws of "
        f"{study.training_clips:,} clips for every codec, {study.seeds} seed(s), latents of unit "
        f"variance in every channel; {study.making.num_steps} steps, guidance "
        f"{study.making.guidance_scale:g}; {study.num_clips} prompts. {this_machine()}."
    )


def draw_samples(findings: DiffusabilityFindings) -> bytes:
    """Draw samples and coded clips of the first captions, codec by codec; returns a PNG."""
    shown = [
        (f"{name}, {kind}: {findings.captions[i]}", findings.clips[name, kind][i])
        for i in range(min(SHEET_ROWS, len(findings.captions)))
        for name, kind in findings.clips
        if kind != NOISE
    ]
    return sheet_png([clip for _, clip in shown], [label for label, _ in shown])


def record_of(findings: DiffusabilityFindings) -> dict[str, Any]:
    """Return everything but the clips as JSON values; spectra as means over clips."""
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
