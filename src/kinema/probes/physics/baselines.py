"""Predictors that need no training, or no more than looking at the training set."""

from collections.abc import Callable

import numpy as np

from kinema.judges.discs import read_curtain, read_disc, read_discs
from kinema.training.sources import DiscClips
from kinema.worlds import discs

Predictor = Callable[[np.ndarray, int], np.ndarray]
"""(given frames uint8 (n k h w 3), length) -> clips uint8 (n f h w 3) that begin with them."""

NUM_NEIGHBORS = 2_000  # training clips among which the nearest is looked for


def frozen(given: np.ndarray, num_frames: int) -> np.ndarray:
    """Repeat the last frame."""
    rest = np.repeat(given[:, -1:], num_frames - given.shape[1], axis=1)
    return np.concatenate([given, rest], axis=1)


def straight_on(given: np.ndarray, num_frames: int, num_discs: int = 1) -> np.ndarray:
    """Move discs on at the velocity read off the given frames, without gravity or collisions."""
    return np.stack([drawn_on(frames, num_frames, num_discs) for frames in given])


def bouncing_on(given: np.ndarray, num_frames: int) -> np.ndarray:
    """Move the disc of a box on at the velocity read off the given frames, between the walls."""
    return np.stack([drawn_on(frames, num_frames, 1, walls=True) for frames in given])


def passing_on(given: np.ndarray, num_frames: int) -> np.ndarray:
    """Do as `bouncing_on`, with a disc of any color, and a curtain where the frames show one.

    A disc that is hidden in the last of the given frames stays so.
    """
    return np.stack([passed_on(frames, num_frames) for frames in given])


def at_mean_velocity(given: np.ndarray, num_frames: int, velocities: np.ndarray) -> np.ndarray:
    """Move discs on at the mean velocities (k 2) of the training set, units a frame."""
    return np.stack([drawn_on(f, num_frames, len(velocities), velocities) for f in given])


def nearest_clip(given: np.ndarray, num_frames: int, data: DiscClips) -> np.ndarray:
    """Continue each clip as the training clip whose first frames are most like it."""
    count = min(NUM_NEIGHBORS, data.num_clips)
    clips = data.make(list(range(count)))[0]["frames"].numpy()[:, :num_frames]
    k = given.shape[1]
    pool = clips[:, :k].reshape(count, -1).astype(np.float32)
    own = given.reshape(len(given), -1).astype(np.float32)
    distance = (pool**2).sum(1) - 2 * own @ pool.T  # up to a term that all neighbors share
    return np.concatenate([given, clips[distance.argmin(1)][:, k:]], axis=1)


def mean_velocities(data: DiscClips, num_scenes: int = 1_000) -> np.ndarray:
    """Return the mean velocity (k 2) of each disc over the training scenes, units a frame."""
    seeds = range(data.seed, data.seed + min(num_scenes, data.num_clips))
    scenes = [discs.sample_scene(seed, data.level, data.split) for seed in seeds]
    late = np.array([data.num_frames - 1]) / 10.0
    return np.mean([scene.motion(late)[1][:, 0] for scene in scenes], axis=0) / 10.0


def drawn_on(
    frames: np.ndarray,
    num_frames: int,
    num_discs: int,
    velocities: np.ndarray | None = None,
    walls: bool = False,
) -> np.ndarray:
    """Draw one clip (f h w 3): the discs of its given frames, moved on in straight lines.

    walls: whether they are thrown back by the edges of the picture.
    """
    k, height, width = frames.shape[:3]
    centers, radii = read_discs(frames, num_discs)
    last = np.nan_to_num(centers[:, -1], nan=-discs.EXTENT)  # unseen: drawn out of view
    if velocities is None:
        velocities = np.nan_to_num((centers[:, -1] - centers[:, 0]) / max(k - 1, 1))
    if walls:
        velocities = velocities_in_box(centers, radii)
    steps = np.arange(1, num_frames - k + 1)
    moved = last[:, None] + velocities[:, None] * steps[None, :, None]
    if walls:
        moved = discs.folded(moved, np.nan_to_num(radii[:, -1])[:, None, None])[0]
    share = discs.coverage(moved, np.nan_to_num(radii[:, -1]), (height, width))
    inks = np.array(list(discs.COLORS.values()), float)[:num_discs] - 255.0
    return np.concatenate([frames, discs.painted(share, inks)])


def passed_on(frames: np.ndarray, num_frames: int) -> np.ndarray:
    """Draw one clip (f h w 3) of a disc in a box, with a curtain if there is one."""
    curtain = read_curtain(frames)
    seen = read_disc(frames, curtain)
    centers, radii = seen.centers[None], seen.radii[None]
    steps = np.arange(1, num_frames - len(frames) + 1)[None, :, None]
    last = np.nan_to_num(radii[:, -1])
    moved = np.nan_to_num(centers[:, -1:]) + velocities_in_box(centers, radii)[:, None] * steps
    moved = discs.folded(moved, last[:, None, None])[0]
    share = (last > 0.0) * discs.coverage(moved, last, frames.shape[1:3])
    ink = np.array([discs.PALETTE.get(seen.colors[-1], (255, 255, 255))]) - 255.0
    return np.concatenate([frames, discs.painted(share, ink, curtain)])


def velocities_in_box(centers: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Return last velocities (k 2), units a frame, of discs at centers (k f 2) between walls.

    The walls may have turned a disc on the way. Of the mean velocity, that of the first step, as it
    was or turned round, and that of the last step, along each axis the one is taken whose folded
    line passes closest by the centers.
    """
    steps = np.diff(np.nan_to_num(centers), axis=1)
    if not steps.shape[1]:
        return np.zeros_like(centers[:, 0])
    first, last = steps[:, 0], steps[:, -1]
    tried = np.stack([steps.mean(1), first, -first, last])[:, :, None]  # (4 k 1 2)
    back = np.arange(centers.shape[1])[::-1, None]  # frames before the last
    edge = np.nan_to_num(radii[:, -1])[:, None, None]
    off = discs.folded(centers[:, -1:] - tried * back, edge)[0] - centers
    best = np.abs(np.nan_to_num(off)).sum(2).argmin(0)  # (k 2)
    return np.take_along_axis(tried[:, :, 0], best[None], axis=0)[0]
