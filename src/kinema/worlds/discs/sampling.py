"""Drawing a scene of discs from a seed: its law, its radii, speeds and places.

Training draws radius and speed from one range, the held-out split from outside it.
"""

from collections.abc import Sequence

import numpy as np

from kinema.worlds.discs.drawing import EXTENT
from kinema.worlds.discs.scene import LAWS, MIXED, PALETTE, DiscScene

SPLITS: tuple[str, ...] = ("train", "held_out", "all", "edges", "swift")
SWIFTEST_OF = 8  # so many scenes comes every other one of the split "swift"
NO_CURTAIN = 1 / 3  # of the scenes
HIDDEN = (0.4, 4.0)  # seconds for which a curtain hides the whole disc, where there is room
SEEN = 0.4  # seconds for which the disc is wholly seen beside it, at least
STEEPEST = np.pi / 3  # angle of a way that leads behind a curtain
SECONDS_IN_VIEW = 2.3  # 24 frames of 0.1 s
SPEED = (1.0, 4.0)
EDGE_SPEEDS = ((1.0, 1.25), (3.75, 4.0))  # what is left of SPEED when its middle is taken out
RADIUS = {
    "uniform": (0.7, 1.4),
    "parabola": (0.7, 1.4),
    "collision": (0.5, 1.5),
    "box": (0.7, 1.4),
    "curtain": (0.7, 1.4),
}
OUTER_SPEEDS = ((0.0, 0.8), (4.5, 6.0))
OUTER_RADII = ((0.3, 0.6), (1.5, 2.0))
Rng = np.random.Generator
Placed = tuple[np.ndarray, np.ndarray]  # positions and velocities, each (k 2)


def sample_scene(seed: int, level: int = 1, split: str = "train") -> DiscScene:
    """Draw a seed's scene: 1 uniform, 2 parabola, 3 collision, 4 any of these, 5 box, 6 curtain.

    split: "train" draws radius and speed in distribution, "held_out" outside it, "all" either;
    "edges" leaves the middle of the speeds out of training; "swift" has more of what is rare in it:
    every other scene is, of eight in distribution, the one in which a disc becomes fastest.
    """
    assert level in (*LAWS.values(), MIXED) and split in SPLITS, (level, split)
    rng = np.random.default_rng([seed, level, SPLITS.index(split)])
    drawn = int(rng.integers(3)) + 1 if level == MIXED else level
    law = next(name for name, number in LAWS.items() if number == drawn)
    if split == "swift":
        count = rng.choice((1, SWIFTEST_OF))
        return max((scene_of(law, split, rng) for _ in range(count)), key=fastest)
    return scene_of(law, split, rng)


def fastest(scene: DiscScene) -> float:
    """Return the speed of the fastest disc, at the beginning or after an impact."""
    after = [scene.velocities_after()] if scene.law == "collision" else []
    return float(max(np.linalg.norm(v, axis=1).max() for v in [scene.velocities, *after]))


def scene_of(law: str, split: str, rng: Rng) -> DiscScene:
    outside = split == "held_out" or (split == "all" and rng.random() < 0.5)
    count = 2 if law == "collision" else 1
    if outside:
        speeds = np.array([uniform_in(rng, OUTER_SPEEDS) for _ in range(count)])
        radii = np.array([uniform_in(rng, OUTER_RADII) for _ in range(count)])
    elif split == "edges":
        speeds = np.array([uniform_in(rng, EDGE_SPEEDS) for _ in range(count)])
        radii = rng.uniform(*RADIUS[law], count)
    else:
        speeds, radii = rng.uniform(*SPEED, count), rng.uniform(*RADIUS[law], count)
    if law == "curtain":
        return curtained(speeds, radii, rng)
    positions, velocities = PLACES[law](speeds, radii, rng)
    return DiscScene(law, radii, positions, velocities)


def uniform_in(rng: Rng, ranges: Sequence[tuple[float, float]]) -> float:
    return rng.uniform(*ranges[int(rng.integers(len(ranges)))])


def place_uniform(speeds: np.ndarray, radii: np.ndarray, rng: Rng) -> Placed:
    (speed,), (radius,) = speeds, radii
    last = max(radius, min(EXTENT - radius, EXTENT - SECONDS_IN_VIEW * speed))
    x, y = rng.uniform(radius, last), rng.uniform(radius, EXTENT - radius)
    return np.array([[x, y]]), np.array([[speed, 0.0]])


def place_parabola(speeds: np.ndarray, radii: np.ndarray, rng: Rng) -> Placed:
    positions, velocities = place_uniform(speeds, radii, rng)
    positions[0, 1] = EXTENT - radii[0] - rng.uniform(0.0, 1.0)
    return positions, velocities


def place_collision(speeds: np.ndarray, radii: np.ndarray, rng: Rng) -> Placed:
    """Place one disc left and one right on one line; they meet near the middle."""
    left, right = radii[0], EXTENT - radii[1]
    room = right - left - radii.sum()
    closing = max(speeds.sum(), 1e-3)
    wait = rng.uniform(0.5, 0.9) * min(room / closing, 1.6)  # seconds until they touch
    touch = rng.uniform(left + speeds[0] * wait, right - speeds[1] * wait - radii.sum())
    y = rng.uniform(radii.max(), EXTENT - radii.max())
    x1, x2 = touch - speeds[0] * wait, touch + radii.sum() + speeds[1] * wait
    return np.array([[x1, y], [x2, y]]), np.array([[speeds[0], 0.0], [-speeds[1], 0.0]])


def place_box(speeds: np.ndarray, radii: np.ndarray, rng: Rng) -> Placed:
    """Place a disc anywhere; it moves in any direction."""
    angle = rng.uniform(0.0, 2.0 * np.pi)
    heading = np.array([np.cos(angle), np.sin(angle)])
    return rng.uniform(radii[0], EXTENT - radii[0], (1, 2)), speeds[:, None] * heading


def curtained(speeds: np.ndarray, radii: np.ndarray, rng: Rng) -> DiscScene:
    """Place a disc anywhere; two of three scenes have a curtain, and a way that is not steep."""
    color = list(PALETTE)[int(rng.integers(len(PALETTE)))]
    positions, velocities = place_box(speeds, radii, rng)
    if rng.random() < NO_CURTAIN:
        return DiscScene("curtain", radii, positions, velocities, color)
    angle = rng.uniform(-STEEPEST, STEEPEST) + np.pi * rng.integers(2)
    velocities = speeds[:, None] * np.array([np.cos(angle), np.sin(angle)])
    curtain = hang_curtain(float(radii[0]), float(np.abs(velocities[0, 0])), rng)
    return DiscScene("curtain", radii, positions, velocities, color, curtain)


def hang_curtain(radius: float, pace: float, rng: Rng) -> tuple[float, float]:
    """Choose from where to where a curtain hangs before a disc that moves sideways at a pace.

    If it can hang between two places in which the disc is wholly seen, the disc crosses behind it.
    Else it hangs at a wall, off which the disc bounces unseen, and is half as wide.
    """
    beside = 2.0 * radius + 0.5 * SEEN * pace  # in which it is wholly seen, to the wall and back
    longest = (EXTENT - 2.0 * beside - 2.0 * radius) / pace
    if longest >= HIDDEN[0]:
        width = 2.0 * radius + pace * rng.uniform(*np.minimum(HIDDEN, longest))
        left = float(rng.uniform(beside, EXTENT - beside - width))
        return left, left + width
    longest = 2.0 * (EXTENT - beside - 2.0 * radius) / pace
    width = 2.0 * radius + 0.5 * pace * rng.uniform(*np.minimum(HIDDEN, longest))
    return (0.0, width) if rng.random() < 0.5 else (EXTENT - width, EXTENT)


PLACES = {
    "uniform": place_uniform,
    "parabola": place_parabola,
    "collision": place_collision,
    "box": place_box,
}
