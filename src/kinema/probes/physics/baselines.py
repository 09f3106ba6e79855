"""Predictors that need no training, or no more than looking at the training set."""

from collections.abc import Callable

import numpy as np

from kinema.training.sources import DiscClips
from kinema.worlds import discs
from kinema.worlds.disc_reading import read_discs

Predictor = Callable[[np.ndarray, int], np.ndarray]
"""(given frames uint8 (n k h w 3), length) -> clips uint8 (n f h w 3) that begin with them."""

NUM_NEIGHBOURS = 2_000  # training clips among which the nearest is looked for


def frozen(given: np.ndarray, num_frames: int) -> np.ndarray:
    """The last frame stays."""
    rest = np.repeat(given[:, -1:], num_frames - given.shape[1], axis=1)
    return np.concatenate([given, rest], axis=1)


def straight_on(given: np.ndarray, num_frames: int, num_discs: int = 1) -> np.ndarray:
    """Discs go on at the velocity read off the given frames, blind to gravity and to each other."""
    return np.stack([_drawn_on(frames, num_frames, num_discs) for frames in given])


def at_mean_velocity(given: np.ndarray, num_frames: int, velocities: np.ndarray) -> np.ndarray:
    """Discs go on at the mean velocities (k 2) of the training set, units a frame."""
    return np.stack([_drawn_on(f, num_frames, len(velocities), velocities) for f in given])


def nearest_clip(given: np.ndarray, num_frames: int, data: DiscClips) -> np.ndarray:
    """Every clip goes on as the training clip whose first frames are most like it."""
    count = min(NUM_NEIGHBOURS, data.num_clips)
    clips = data.make(list(range(count)))[0]["frames"].numpy()[:, :num_frames]
    k = given.shape[1]
    pool = clips[:, :k].reshape(count, -1).astype(np.float32)
    own = given.reshape(len(given), -1).astype(np.float32)
    distance = (pool**2).sum(1) - 2 * own @ pool.T  # up to a term that all neighbours share
    return np.concatenate([given, clips[distance.argmin(1)][:, k:]], axis=1)


def mean_velocities(data: DiscClips, num_scenes: int = 1_000) -> np.ndarray:
    """The mean velocity (k 2) of each disc over the training scenes, units a frame."""
    seeds = range(data.seed, data.seed + min(num_scenes, data.num_clips))
    scenes = [discs.sample_scene(seed, data.level, data.split) for seed in seeds]
    late = np.array([data.num_frames - 1]) / 10.0
    return np.mean([scene.motion(late)[1][:, 0] for scene in scenes], axis=0) / 10.0


def _drawn_on(
    frames: np.ndarray, num_frames: int, num_discs: int, velocities: np.ndarray | None = None
) -> np.ndarray:
    """One clip (f h w 3): the discs of its given frames, moved on in straight lines."""
    k, height, width = frames.shape[:3]
    centres, radii = read_discs(frames, num_discs)
    last = np.nan_to_num(centres[:, -1], nan=-discs.EXTENT)  # unseen: drawn out of view
    if velocities is None:
        velocities = np.nan_to_num((centres[:, -1] - centres[:, 0]) / max(k - 1, 1))
    steps = np.arange(1, num_frames - k + 1)
    moved = last[:, None] + velocities[:, None] * steps[None, :, None]
    share = discs.coverage(moved, np.nan_to_num(radii[:, -1]), (height, width))
    colors = np.array(list(discs.COLORS.values()), float)[:num_discs]
    drawn = 255.0 + np.einsum("kfhw,kc->fhwc", share, colors - 255.0)
    return np.concatenate([frames, (drawn + 0.5).clip(0, 255).astype(np.uint8)])
