"""What keys drive as clips: a red disc in a box, or a camera over a ground of colored discs."""

from collections.abc import Sequence

import numpy as np

from kinema.worlds.discs.drawing import EXTENT, coverage, painted
from kinema.worlds.discs.scene import COLORS, PALETTE
from kinema.worlds.keys.driving import FPS, KEYS, RADIUS, Drive, driven, sample_drive
from kinema.worlds.world import Rendering, Truth, WorldClip

GROUND = 20.0  # units after which the ground repeats itself, along both axes
LANDMARKS = 14  # discs that lie on it
CAPTIONS = {1: "keys drive a red disc in a box", 2: "keys drive the view over a ground of discs"}


def render(seeds: Sequence[int], rendering: Rendering = Rendering()) -> list[WorldClip]:
    """Render one clip a seed, with the keys as `controls["actions"]`, float32 (f 4).

    On request the truth holds the positions and velocities of the disc or of the view, as tracks.
    """
    return [render_drive(seed, rendering) for seed in seeds]


def render_drive(seed: int, rendering: Rendering) -> WorldClip:
    """Render the drive of one seed."""
    fps, level = rendering.fps or FPS, rendering.level
    drive = sample_drive(seed, rendering.num_frames, level, rendering.split)
    positions, velocities = driven(drive, fps, walls=level == 1)
    size = rendering.height_width
    if level == 1:
        frames = disc_frames(positions, drive.radius, size)
    else:
        frames = ground_frames(positions, seed, size)
    tracks = {"positions": positions[None], "velocities": velocities[None]}
    return WorldClip(
        frames=frames,
        fps=fps,
        caption=CAPTIONS[level],
        attributes={"level": level, "radius": drive.radius, "keys": spelled(drive)},
        truth=Truth(tracks=tracks) if rendering.truth else None,
        controls={"actions": drive.keys.astype(np.float32)},
    )


def spelled(drive: Drive) -> list[str]:
    """Name the keys that are held before each frame, such as "left up"; "" for none."""
    names = np.array(list(KEYS))
    return [" ".join(names[row == 1]) for row in drive.keys]


def disc_frames(positions: np.ndarray, radius: float, size: tuple[int, int]) -> np.ndarray:
    """Draw a red disc at positions (f 2): uint8 (f h w 3)."""
    share = coverage(positions[None], np.array([radius]), size)
    return painted(share, np.array([COLORS["red"]], float) - 255.0)


def ground_frames(positions: np.ndarray, seed: int, size: tuple[int, int]) -> np.ndarray:
    """Draw what a camera over a seed's ground sees at positions (f 2): uint8 (f h w 3)."""
    places, radii, inks = landmarks(seed)
    seen = places[:, None] - positions[None] + 0.5 * EXTENT  # (k f 2) in the picture
    seen = (seen - 0.5 * EXTENT + 0.5 * GROUND) % GROUND - 0.5 * GROUND + 0.5 * EXTENT
    return painted(coverage(seen, radii, size), inks)


def landmarks(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay discs that do not touch on a ground: places (k 2), radii (k,) and inks (k 3).

    As many as a fixed number of throws leave room for, `LANDMARKS` at most.
    """
    rng = np.random.default_rng([seed, 77])
    places, radii = np.zeros((0, 2)), np.zeros(0)
    for _ in range(20 * LANDMARKS):
        place, radius = rng.uniform(0.0, GROUND, 2), rng.uniform(*RADIUS)
        across = (places - place + 0.5 * GROUND) % GROUND - 0.5 * GROUND
        if (np.linalg.norm(across, axis=1) > radii + radius + 0.3).all():
            places, radii = np.append(places, place[None], axis=0), np.append(radii, radius)
        if len(radii) == LANDMARKS:
            break
    colors = np.array(list(PALETTE.values()), float)
    return places, radii, colors[rng.integers(len(colors), size=len(radii))] - 255.0
