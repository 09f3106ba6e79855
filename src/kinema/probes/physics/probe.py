"""Does a model go on as mechanics would? The protocol of Kang et al. 2024, in and out of range."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

import numpy as np
from rich.progress import track

import kinema
from kinema.clips import to_frames, to_tensor
from kinema.errors import UserError
from kinema.fields import Count, Name, OneOf, Seed, Several, check_fields
from kinema.judges.discs import DiscReading, read_physics
from kinema.metrics.intervals import mean_interval
from kinema.probes.physics import baselines
from kinema.probes.unseen import FIRST_SEED
from kinema.training.sources import DiscClips
from kinema.video import VideoPipeline
from kinema.worlds import discs
from kinema.worlds.discs import DiscScene

AT_ONCE = 32  # clips in a batch
SPLITS = {"in": "train", "out": "held_out"}
FLOOR, MODEL, STRAIGHT = "true clips (floor)", "model", "straight on, as parsed"
MEAN_VELOCITY, FROZEN = "mean training velocity", "last frame stays"
SLOWEST = (discs.SPEED[0] + discs.OUTER_SPEEDS[0][1]) / 2  # between the low band and training


@dataclass
class PhysicsProbe:
    """Measure velocity errors of predicted disc clips, beside floor, baselines and Kang et al.

    In a box the mean |velocity| along x and along y is compared with that of the true positions in
    the same frames. With a curtain these are the frames that show the whole true disc, and in which
    a disc of its color is read, clear of the curtain. Clips whose given frames do not show the
    whole disc are left out.
    """

    # "uniform", "parabola" or "collision"; "all" of these three; or "box" or "curtain", for which
    # nothing is published
    law: Annotated[str, OneOf((*discs.LAWS, "all"))] = "all"
    # a system that ships, a folder, or a repository of the hub; physics-LAW unless given
    model: Name | None = None
    num_clips: Several = 256  # clips in distribution, and as many out of it
    given: Count = 3  # frames of each clip that the model is given
    num_steps: Count | None = None  # sampling steps; the model's own unless given
    seed: Seed = 0  # of the scenes and of the samples
    report: Name | None = None  # a Markdown file to write, with .json and .png beside it

    def __post_init__(self) -> None:
        check_fields(self, "--")
        if self.model is not None and self.law == "all":
            raise UserError("A model knows one law: name it with --law beside --model.")
        if self.law != "all":
            self.model = self.model or f"physics-{self.law}"


@dataclass
class Judged:
    """The readings of one predictor on one set of scenes; None where nothing could be judged."""

    readings: list[DiscReading | None]

    def values(self, name: str, rows: Sequence[int] | None = None) -> list[float]:
        """A figure of every clip that could be judged, NaN where it was not measured."""
        chosen = self.readings if rows is None else [self.readings[i] for i in rows]
        return [getattr(reading, name) for reading in chosen if reading is not None]

    def mean(self, name: str, rows: Sequence[int] | None = None) -> float:
        """Return the mean over the clips that could be judged; NaN if there is none."""
        values = [value for value in self.values(name, rows) if not np.isnan(value)]
        return float(np.mean(values)) if values else np.nan

    def interval(self, name: str, rows: Sequence[int] | None = None) -> tuple[float, float]:
        """Return the 95 % interval of the mean, by resampling clips."""
        return mean_interval(self.values(name, rows))


@dataclass
class PhysicsFindings:
    """All that the probe found about one law."""

    probe: PhysicsProbe  # what was measured
    parameters: int  # of the denoiser
    scenes: dict[str, list[DiscScene]] = field(default_factory=dict)  # by "in" and "out"
    scores: dict[str, dict[str, Judged]] = field(default_factory=dict)  # by predictor too
    clips: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)  # true, made

    def bands(self) -> dict[str, list[int]]:
        """Return the scenes out of distribution by speed and size of their first disc."""
        names: dict[str, list[int]] = {}
        for row, scene in enumerate(self.scenes["out"]):
            speed = "slow" if np.linalg.norm(scene.velocities[0]) < SLOWEST else "fast"
            size = "small" if scene.radii[0] < 1.0 else "large"
            names.setdefault(f"{speed}, {size}", []).append(row)
        return dict(sorted(names.items()))


def measure_physics(probe: PhysicsProbe, pipe: VideoPipeline | None = None) -> PhysicsFindings:
    """Predict, parse and compare, by `pipe` or by `probe.model`."""
    pipe = pipe or kinema.load(str(probe.model))
    found = PhysicsFindings(probe, sum(p.numel() for p in pipe.denoiser.parameters()))
    for place, split in SPLITS.items():
        size, length = pipe.system.size[0], pipe.system.num_frames
        data = DiscClips(probe.law, split, length, size, FIRST_SEED + probe.seed)
        true, scenes = true_clips(data, probe.num_clips)
        given, scores = true[:, : probe.given], {}
        for name, predict in predictors(probe, pipe, true).items():
            clips = predict(given, length)
            scores[name] = judged(clips, scenes, probe.given)
            if name == MODEL:
                found.clips[place] = (true[:6], clips[:6])
        found.scenes[place], found.scores[place] = scenes, scores
    return found


def true_clips(data: DiscClips, num_clips: int) -> tuple[np.ndarray, list[DiscScene]]:
    """Return the first clips of a source, uint8 (n f h w 3), and the scenes that they show."""
    frames = data.make(list(range(num_clips)))[0]["frames"].numpy()
    seeds = range(data.seed, data.seed + num_clips)
    return frames, [discs.sample_scene(seed, data.level, data.split) for seed in seeds]


def judged(clips: np.ndarray, scenes: Sequence[DiscScene], given: int) -> Judged:
    """Read clips, uint8 (n f h w 3), whose first `given` frames show the scenes."""
    pairs = zip(clips, scenes, strict=True)
    return Judged([read_physics(frames, scene, given) for frames, scene in pairs])


def predictors(
    probe: PhysicsProbe, pipe: VideoPipeline, true: np.ndarray
) -> dict[str, baselines.Predictor]:
    """Return name -> how it goes on from given frames, the best first."""
    untrained = untrained_predictors(probe.law, true)
    return {FLOOR: untrained[FLOOR], MODEL: partial(predicted, pipe, probe), **untrained}


def untrained_predictors(law: str, true: np.ndarray) -> dict[str, baselines.Predictor]:
    """Return name -> how it goes on, for floor and baselines; `true` are the clips (n f h w 3)."""
    trained = DiscClips(law, "train", *true.shape[1:3])
    count = 2 if law == "collision" else 1
    straight: baselines.Predictor = partial(baselines.straight_on, num_discs=count)
    knowing = {"box": baselines.bouncing_on, "curtain": baselines.passing_on}  # of the walls
    mean = baselines.mean_velocities(trained)
    named: dict[str, baselines.Predictor] = {
        FLOOR: lambda given, length: true,
        STRAIGHT: knowing.get(law, straight),
        "nearest training clip": partial(baselines.nearest_clip, data=trained),
        MEAN_VELOCITY: partial(baselines.at_mean_velocity, velocities=mean),
        FROZEN: baselines.frozen,
    }
    if law in discs.BOXES:  # all directions are alike, and their mean stands still
        del named[MEAN_VELOCITY]
    return named


def predicted(
    pipe: VideoPipeline, probe: PhysicsProbe, given: np.ndarray, num_frames: int
) -> np.ndarray:
    """Let the model go on from given frames; returns uint8 (n f h w 3)."""
    made = []
    for start in track(range(0, len(given), AT_ONCE), f"Going on from {probe.given} frames"):
        frames = to_tensor(given[start : start + AT_ONCE])
        seeds = range(probe.seed + start, probe.seed + start + len(frames))
        made.append(to_frames(pipe.complete(frames, num_frames, list(seeds), probe.num_steps)))
    return np.concatenate(made)
