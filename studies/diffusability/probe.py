"""What every codec goes through: spectrum, equivariance, training, samples, scores."""

import time
from dataclasses import dataclass, field

import numpy as np
import torch

from kinema.clips import to_tensor
from kinema.denoisers import named_config
from kinema.diffusion import noise_like_rows
from kinema.judges.tabletop.scoring import Share
from kinema.metrics.features.distances import FEATURES
from kinema.probes.unseen import FIRST_SEED
from kinema.worlds import WorldClip
from studies.diffusability.learning import Learner, Study
from studies.diffusability.scoring import Estimate, distances, features_of, followed
from studies.diffusability.spectrum import (
    TIME,
    inequivariance,
    slope,
    spatial_spectrum,
    spectrum,
    upper_share,
)

PIXELS = "pixels"
MADE, CODED, NOISE = "samples", "true clips, coded", "noise, decoded"


@dataclass
class Spectrum:
    """Energy over frequency, in space and in time, of clips or of their latents."""

    space: np.ndarray  # (n, k) energy of each spatial frequency
    time: np.ndarray  # (n, k) of each temporal one

    @classmethod
    def of(cls, values: torch.Tensor) -> "Spectrum":
        """Of clips or latents, n c f h w."""
        return cls(spatial_spectrum(values), spectrum(values, TIME))

    def slopes(self) -> tuple[float, float]:
        """In space and in time."""
        return slope(self.space), slope(self.time)

    def shares(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the upper half band, in space and in time, for each clip."""
        return upper_share(self.space), upper_share(self.time)


Row = tuple[str, str]
"""(codec, MADE, CODED or NOISE)."""


@dataclass
class DiffusabilityFindings:
    """What was found."""

    # of the pixels, and of the latents of each codec
    spectra: dict[str, Spectrum] = field(default_factory=dict)
    # codec -> transformation -> its relative error for each clip
    inequivariance: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    # codec -> flow loss of each seed
    held_out: dict[str, list[float]] = field(default_factory=dict)
    # kind of features -> row -> kernel distance, and that of each seed
    distance: dict[str, dict[Row, tuple[Estimate, list[float]]]] = field(default_factory=dict)
    prompts: dict[Row, Share] = field(default_factory=dict)  # row -> share of prompts followed
    # row -> decoded clips (n f h w 3) of its first seed
    clips: dict[Row, np.ndarray] = field(default_factory=dict)
    captions: list[str] = field(default_factory=list)  # of the true clips, which are the prompts


def examine(names: list[str], study: Study) -> DiffusabilityFindings:
    """Put every codec through the study, telling each as it is done.

    Raises:
        UserError: for an unknown codec or size.
    """
    named_config(f"dit-{study.size}")  # a wrong name is told before the first step
    learners = {name: Learner(name, study) for name in names}
    scenes, others = (
        study.clips(FIRST_SEED + start, study.num_clips).render(list(range(study.num_clips)))
        for start in (0, study.num_clips)
    )
    findings = DiffusabilityFindings(captions=[scene.caption for scene in scenes])
    frames = to_tensor(np.stack([scene.frames for scene in scenes]))
    findings.spectra[PIXELS] = Spectrum.of(frames)
    made: dict[Row, list[np.ndarray]] = {}
    for name, learner in learners.items():
        began = time.monotonic()
        findings.spectra[name] = Spectrum.of(learner.encode(frames))
        findings.inequivariance[name] = inequivariance(learner.codec, frames)
        made |= clips_of(name, learner, frames, findings)
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    score(made, scenes, np.stack([scene.frames for scene in others]), findings)
    return findings


def clips_of(
    name: str, learner: Learner, frames: torch.Tensor, findings: DiffusabilityFindings
) -> dict[Row, list[np.ndarray]]:
    """Train, and decode samples; decode true clips and noise too. Returns clips for each seed."""
    latents = learner.encode(frames)
    noise = noise_like_rows(tuple(latents.shape), list(range(len(latents))))
    samples, held_out = [], []
    for seed in range(learner.study.seeds):
        task, loss = learner.learn(seed)
        held_out.append(loss)
        samples.append(learner.samples(task, findings.captions, seed))
    findings.held_out[name] = held_out
    rows = {MADE: samples, CODED: [learner.decode(latents)], NOISE: [learner.decode(noise)]}
    return {(name, kind): clips for kind, clips in rows.items()}


def score(
    made: dict[Row, list[np.ndarray]],
    scenes: list[WorldClip],
    reference: np.ndarray,
    findings: DiffusabilityFindings,
) -> None:
    """Fill in distances from the reference, prompts followed, and the first seed's clips."""
    seen = {row: [features_of(clips) for clips in seeds] for row, seeds in made.items()}
    true = features_of(reference)
    for kind in FEATURES:
        rows = {row: [features[kind] for features in seeds] for row, seeds in seen.items()}
        findings.distance[kind] = distances(rows, true[kind])
    for row, seeds in made.items():
        findings.prompts[row] = followed(seeds, scenes, scenes[0].fps)
        findings.clips[row] = seeds[0]
