"""Each arm trained to the same samples, then scored as `kinema probe physics` scores, clip by clip.

After Kang et al. 2024 (arXiv:2411.02385), whose error in distribution falls with the size of model
and data, and out of distribution does not. What has a record is not done again.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import kinema
from kinema.clips import to_frames, to_tensor
from kinema.codecs import Codec, Pixels
from kinema.errors import UserError
from kinema.probes.physics.baselines import Predictor
from kinema.probes.physics.probe import (
    PhysicsProbe,
    judged,
    predicted,
    true_clips,
    untrained_predictors,
)
from kinema.probes.unseen import FIRST_SEED
from kinema.training.meter import this_machine
from kinema.training.sources import DiscClips
from kinema.worlds import discs
from kinema.worlds.discs import DiscScene
from studies.records import file_name
from studies.scaling.arms import ARMS, Arm
from studies.scaling.records import BASELINES, Record, Records, Store
from studies.scaling.training import clips_per_second, learning_curve, train

IN, OUT, EDGES, MIDDLE = "in distribution", "out of distribution", "edges", "middle"
TRAINING, CODED = "training clips", "true clips, coded"
SPLITS = {IN: "train", OUT: "held_out", EDGES: "edges"}
MIDDLE_SPEEDS = (discs.EDGE_SPEEDS[0][1], discs.EDGE_SPEEDS[1][0])
GIVEN = PhysicsProbe.given
DIGITS = 5  # of an error in units a second: the floor is some 0.001


@dataclass
class Scaling:
    """Train the recipe of a law and its arms on as many clips, and measure their errors."""

    # of the runs; what is finished there is not done again, what was interrupted goes on
    folder: str | Path = "runs/scaling"
    law: str = "uniform"  # "uniform", "parabola", "collision", "box" or "curtain"
    num_samples: int = 8_000  # clips that every arm sees
    num_clips: int = 128  # unseen scenes that are scored, in distribution, out of it, at the edges
    num_frames: int = 32  # of a clip
    size: int = 32  # height and width of the clips, in pixels
    # their names; all of them if empty; "measured" trains nothing and shows what is there
    arms: Sequence[str] = ()
    # a Markdown file to write from all arms measured so far, with plots in .png and a folder of
    # records, ARM.json, beside it. Records that lie there already, from another session or machine,
    # are taken up too.
    report: str | None = None

    def __post_init__(self) -> None:
        DiscClips(self.law)  # an unknown law is told before the first step
        if self.num_samples < 1 or self.num_clips < 2:
            raise UserError(
                f"The scaling study needs --num-samples of at least 1 and --num-clips of at least "
                f"2, not {self.num_samples} and {self.num_clips}."
            )

    @property
    def places(self) -> list[Path]:
        """Folders of records: in that of the runs, and beside the page if there is one."""
        own = Path(self.folder) / "records"
        return [own, Path(self.report).with_suffix("")] if self.report else [own]

    def settings(self) -> dict[str, Any]:
        """What all records must have in common."""
        names = ("law", "num_samples", "num_clips", "num_frames", "size")
        return {name: getattr(self, name) for name in names}

    def clips(self, split: str, seed: int = FIRST_SEED) -> DiscClips:
        """Return the clips of a split; those of training begin at seed 0."""
        return DiscClips(self.law, split, self.num_frames, self.size, seed)


def measure_scaling(scaling: Scaling, names: list[str]) -> tuple[Records, Records]:
    """Train and score the named arms, told line by line as they are done.

    Returns:
        the records of all arms there are, those of others included, and of floor and baselines.

    Raises:
        UserError: if a folder holds the records of other settings, or a training fails.
    """
    store = Store(scaling.places)
    store.keep_settings(scaling.settings())
    for name in names:
        began = time.monotonic()
        if not store.read(name):
            place = Path(scaling.folder) / file_name(name)
            store.add(name, {(name,): measure_arm(scaling, ARMS[name], place)})
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    records = store.all(list(ARMS))
    if records and not store.read(BASELINES):
        store.add(BASELINES, {(k,): one for k, one in measure_baselines(scaling).items()})
    return records, store.all([BASELINES])


def measure_arm(scaling: Scaling, arm: Arm, place: Path) -> Record:
    """Train an arm in a folder and score it everywhere.

    On training clips too, if it saw them all, and in latents on true clips that were only coded.

    Raises:
        UserError: if the training fails.
    """
    shape = ["--data.num_frames", str(scaling.num_frames), "--data.size", str(scaling.size)]
    model = str(train(scaling.law, scaling.num_samples, place, [*shape, *arm.words]))
    pipe = kinema.load(model)
    predict = partial(predicted, pipe, PhysicsProbe(scaling.law, model, scaling.num_clips))
    errors: dict[str, list[float]] = {}
    for where, split in SPLITS.items():
        clips = true_clips(scaling.clips(split), scaling.num_clips)
        errors |= velocity_errors(where, predict, *clips)
    if arm.num_clips <= scaling.num_samples:
        count = min(arm.num_clips, scaling.num_clips)
        clips = true_clips(scaling.clips("train", seed=0), count)
        errors |= velocity_errors(TRAINING, predict, *clips)
    if not isinstance(pipe.codec, Pixels):
        frames, scenes = true_clips(scaling.clips("train"), scaling.num_clips)
        predict = partial(only_coded, pipe.codec, frames)
        errors |= velocity_errors(CODED, predict, frames, scenes)
    return Record(
        errors,
        sum(p.numel() for p in pipe.denoiser.parameters()),
        *learning_curve(place),
        clips_per_second(place),
        this_machine(),
    )


@torch.no_grad()
def only_coded(
    codec: Codec, frames: np.ndarray, given: np.ndarray, num_frames: int, at_once: int = 8
) -> np.ndarray:
    """Encode and decode the true clips, uint8 (n f h w 3): what the codec costs alone."""
    parts = np.split(frames, range(at_once, len(frames), at_once))
    size = frames.shape[2:4]
    decoded = [codec.decode(codec.encode(to_tensor(part)), num_frames, size) for part in parts]
    return np.concatenate([to_frames(clips.clamp(-1, 1)) for clips in decoded])


def measure_baselines(scaling: Scaling) -> Records:
    """Score the floor, true clips through the parser, and what needs no training."""
    records: Records = {}
    for where, split in SPLITS.items():
        frames, scenes = true_clips(scaling.clips(split), scaling.num_clips)
        for name, predict in untrained_predictors(scaling.law, frames).items():
            errors = velocity_errors(where, predict, frames, scenes)
            records.setdefault(name, Record({})).errors.update(errors)
    return records


def velocity_errors(
    where: str, predict: Predictor, frames: np.ndarray, scenes: list[DiscScene]
) -> dict[str, list[float]]:
    """Return the velocity error of each clip that can be judged; in distribution the middle's too.

    Args:
        where: what the scenes are.
        predict: goes on from the first frames.
        frames: uint8 (n f h w 3), the true clips.
        scenes: that they show.
    """
    clips = predict(frames[:, :GIVEN], frames.shape[1])
    found = judged(clips, scenes, GIVEN)
    rows = {where: list(range(len(scenes)))}
    if where == IN:
        rows[MIDDLE] = [row for row, scene in enumerate(scenes) if is_in_the_middle(scene)]
    return {
        place: [round(error, DIGITS) for error in found.values("velocity_error", chosen)]
        for place, chosen in rows.items()
    }


def is_in_the_middle(scene: DiscScene) -> bool:
    """Return whether every disc has a speed that the split "edges" leaves out of training."""
    low, high = MIDDLE_SPEEDS
    speeds = np.linalg.norm(scene.velocities, axis=1)
    return bool(((low < speeds) & (speeds < high)).all())
