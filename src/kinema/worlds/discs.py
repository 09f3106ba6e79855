"""Discs under the laws of elementary mechanics, in closed form (the worlds of Kang et al. 2024).

10 x 10 units, 32 frames of 0.1 s, coloured discs on white (arXiv:2411.02385): uniform motion, a
parabola under gravity 2.5, and an elastic collision with masses as areas; and, not theirs, a disc
in a closed box, which never comes to rest. Training draws radius and speed from one range, the
held-out split from outside it. World x in [0, 10] is pixel 0 to width - 1, y points up; the discs'
edges are one pixel soft, so that a weighted centroid reads positions to a few thousandths of a
unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinema.worlds.world_clip import Truth, WorldClip

EXTENT = 10.0
GRAVITY = 2.5
LEVELS = {"uniform": 1, "parabola": 2, "collision": 3, "box": 5}
LAWS = tuple(LEVELS)
MIXED = 4  # the level of any of Kang et al.'s three laws
SPLITS = {"train": 0, "held_out": 1, "all": 2, "edges": 3}
COLORS = {"red": (214, 39, 40), "blue": (31, 90, 200)}
SECONDS_IN_VIEW = 2.3  # 24 frames of 0.1 s
SPEED = (1.0, 4.0)
EDGE_SPEEDS = ((1.0, 1.25), (3.75, 4.0))  # what is left of SPEED when its middle is taken out
RADIUS = {
    "uniform": (0.7, 1.4),
    "parabola": (0.7, 1.4),
    "collision": (0.5, 1.5),
    "box": (0.7, 1.4),
}
OUTER_SPEEDS = ((0.0, 0.8), (4.5, 6.0))
OUTER_RADII = ((0.3, 0.6), (1.5, 2.0))


@dataclass
class DiscScene:
    """Discs that start at positions with velocities and obey one law; units and seconds."""

    law: str
    radii: np.ndarray  # (k,)
    positions: np.ndarray  # (k 2) at time 0
    velocities: np.ndarray  # (k 2) at time 0

    @property
    def contact(self) -> float:
        """The time at which the two discs of a collision touch; infinity otherwise."""
        if self.law != "collision":
            return np.inf
        gap = self.positions[1, 0] - self.positions[0, 0] - self.radii.sum()
        closing = self.velocities[0, 0] - self.velocities[1, 0]
        return float(gap / closing) if closing > 0.0 else np.inf

    def velocities_after(self) -> np.ndarray:
        """Velocities (2 2) after the elastic impact: momentum and energy are kept."""
        m1, m2 = self.radii**2
        mean = (m1 * self.velocities[0] + m2 * self.velocities[1]) / (m1 + m2)
        return 2.0 * mean - self.velocities

    def motion(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centres and velocities, each (k f 2), at times (f,)."""
        t = np.asarray(times, dtype=float)[None, :, None]
        start, speed = self.positions[:, None], self.velocities[:, None]
        if self.law == "parabola":
            fall = np.array([0.0, -GRAVITY])
            return start + speed * t + 0.5 * fall * t * t, speed + fall * t
        if self.law == "box":
            centres, sign = folded(start + speed * t, self.radii[:, None, None])
            return centres, sign * speed
        if self.contact == np.inf:
            return start + speed * t, speed + 0.0 * t
        before, after = np.minimum(t, self.contact), np.maximum(t - self.contact, 0.0)
        later = self.velocities_after()[:, None]
        return start + speed * before + later * after, np.where(t < self.contact, speed, later)

    def bounces(self, seconds: float) -> list[dict]:
        """The walls that the disc of a box touches up to a time, in order; of other laws none.

        Returns:
            {"kind": "bounce", "time": in seconds, "objects": [0], "wall": its name} each.
        """
        if self.law != "box":
            return []
        room = EXTENT - 2.0 * self.radii[0]
        found = []
        for axis, (low, high) in enumerate((("left", "right"), ("bottom", "top"))):
            start = (self.positions[0, axis] - self.radii[0]) / room
            pace = self.velocities[0, axis] / room  # rooms a second
            first, last = sorted((start, start + pace * seconds))
            for wall in range(int(np.floor(first)) + 1, int(np.ceil(last))):
                time, name = float((wall - start) / pace), high if wall % 2 else low
                found.append({"kind": "bounce", "time": time, "objects": [0], "wall": name})
        return sorted(found, key=lambda event: event["time"])


def folded(positions: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Straight motion as it is in the box: the line folded at the walls, a triangle wave in time.

    Args:
        positions: where centres would be without walls, units, any shape.
        radii: of the discs, broadcast against positions; centres stay so far from every wall.

    Returns:
        positions in the box, and the sign (1 or -1) that the walls have given to the velocities.
    """
    room = EXTENT - 2.0 * radii
    phase = (positions - radii) / room % 2.0  # 0 at the low wall, 1 at the high one, then back
    inside = np.minimum(radii + room * (1.0 - np.abs(1.0 - phase)), EXTENT - radii)
    return inside, np.where(phase < 1.0, 1.0, -1.0)


def sample_scene(seed: int, level: int = 1, split: str = "train") -> DiscScene:
    """The scene of a seed. Levels 1 to 3: uniform, parabola, collision; 4: any of them; 5: box.

    split: "train" draws radius and speed in distribution, "held_out" outside it, "all" either;
    "edges" leaves the middle of the speeds out of training.
    """
    assert level in (*LEVELS.values(), MIXED) and split in SPLITS, (level, split)
    rng = np.random.default_rng([seed, level, SPLITS[split]])
    drawn = int(rng.integers(3)) + 1 if level == MIXED else level
    law = next(name for name, number in LEVELS.items() if number == drawn)
    outside = split == "held_out" or (split == "all" and rng.random() < 0.5)
    count = 2 if law == "collision" else 1
    if outside:
        speeds = np.array([_either(rng, OUTER_SPEEDS) for _ in range(count)])
        radii = np.array([_either(rng, OUTER_RADII) for _ in range(count)])
    elif split == "edges":
        speeds = np.array([_either(rng, EDGE_SPEEDS) for _ in range(count)])
        radii = rng.uniform(*RADIUS[law], count)
    else:
        speeds, radii = rng.uniform(*SPEED, count), rng.uniform(*RADIUS[law], count)
    positions, velocities = PLACES[law](speeds, radii, rng)
    return DiscScene(law, radii, positions, velocities)


def _either(rng: np.random.Generator, ranges: Sequence[tuple[float, float]]) -> float:
    return rng.uniform(*ranges[int(rng.integers(len(ranges)))])


def _uniform(
    speeds: np.ndarray, radii: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    (speed,), (radius,) = speeds, radii
    last = max(radius, min(EXTENT - radius, EXTENT - SECONDS_IN_VIEW * speed))
    x, y = rng.uniform(radius, last), rng.uniform(radius, EXTENT - radius)
    return np.array([[x, y]]), np.array([[speed, 0.0]])


def _parabola(
    speeds: np.ndarray, radii: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    positions, velocities = _uniform(speeds, radii, rng)
    positions[0, 1] = EXTENT - radii[0] - rng.uniform(0.0, 1.0)
    return positions, velocities


def _collision(
    speeds: np.ndarray, radii: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One from the left, one from the right on one line; they meet near the middle."""
    left, right = radii[0], EXTENT - radii[1]
    room = right - left - radii.sum()
    closing = max(speeds.sum(), 1e-3)
    wait = rng.uniform(0.5, 0.9) * min(room / closing, 1.6)  # seconds until they touch
    touch = rng.uniform(left + speeds[0] * wait, right - speeds[1] * wait - radii.sum())
    y = rng.uniform(radii.max(), EXTENT - radii.max())
    x1, x2 = touch - speeds[0] * wait, touch + radii.sum() + speeds[1] * wait
    return np.array([[x1, y], [x2, y]]), np.array([[speeds[0], 0.0], [-speeds[1], 0.0]])


def _box(
    speeds: np.ndarray, radii: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Anywhere, in any direction."""
    angle = rng.uniform(0.0, 2.0 * np.pi)
    heading = np.array([np.cos(angle), np.sin(angle)])
    return rng.uniform(radii[0], EXTENT - radii[0], (1, 2)), speeds[:, None] * heading


PLACES = {"uniform": _uniform, "parabola": _parabola, "collision": _collision, "box": _box}


def render(
    seeds: list[int],
    num_frames: int = 32,
    size: int | tuple[int, int] = 64,
    level: int = 1,
    split: str = "train",
    fps: float = 10,
    truth: bool = False,
    device: str = "cpu",
) -> list[WorldClip]:
    """Render one clip a seed; exact truth on request: flow, masks, tracks, the contact or bounces.

    Args:
        seeds: one per clip.
        num_frames: any from 1 up.
        size: pixels of a square frame, or (height, width).
        level: 1 uniform motion, 2 parabola, 3 collision, 4 any of these; 5 a closed box.
        split: "train" in distribution, "held_out" outside it, "all" either, "edges" without the
            middle speeds.
        fps: frames a second (the published world has 10).
        truth: also return the truth.
        device: of no effect; drawn on the processor.
    """
    size = (size, size) if isinstance(size, int) else size
    scenes = [sample_scene(seed, level, split) for seed in seeds]
    return [render_scene(scene, num_frames, size, fps, truth, level) for scene in scenes]


def render_scene(
    scene: DiscScene, num_frames: int, size: tuple[int, int], fps: float, truth: bool, level: int
) -> WorldClip:
    """The clip of one scene; see `render`."""
    times = np.arange(num_frames) / fps
    centres, velocities = scene.motion(times)
    share = coverage(centres, scene.radii, size)  # (k f h w)
    colors = np.array(list(COLORS.values()), dtype=float)[: len(share)]
    frames = 255.0 + np.einsum("kfhw,kc->fhwc", share, colors - 255.0)
    return WorldClip(
        frames=(frames + 0.5).clip(0, 255).astype(np.uint8),
        fps=fps,
        caption=_caption(scene),
        attributes={
            "level": level,
            "law": scene.law,
            "radii": scene.radii.tolist(),
            "speeds": np.linalg.norm(scene.velocities, axis=1).tolist(),
        },
        truth=_truth(scene, centres, velocities, share, size, fps) if truth else None,
    )


def coverage(centres: np.ndarray, radii: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Share (k f h w) of each pixel under discs at centres (k f 2); edges one pixel soft."""
    height, width = size
    x = np.linspace(0.0, EXTENT, width)
    y = np.linspace(EXTENT, 0.0, height)
    across = (x - centres[..., 0, None])[:, :, None]
    upward = (y - centres[..., 1, None])[:, :, :, None]
    distance = np.sqrt(across**2 + upward**2)
    pixel = EXTENT / (min(size) - 1)
    return np.clip(0.5 + (radii[:, None, None, None] - distance) / pixel, 0.0, 1.0)


def _caption(scene: DiscScene) -> str:
    if scene.law == "box":
        return "a red disc bounces off the walls of a box"
    if scene.law == "collision":
        return "a red disc and a blue disc collide"
    if scene.law == "parabola":
        return "a red disc falls to the right along a parabola"
    return "a red disc moves to the right at constant speed"


def _truth(
    scene: DiscScene,
    centres: np.ndarray,
    velocities: np.ndarray,
    share: np.ndarray,
    size: tuple[int, int],
    fps: float,
) -> Truth:
    height, width = size
    scale = np.array([(width - 1) / EXTENT, -(height - 1) / EXTENT])
    pixels = centres * scale + np.array([0.0, height - 1.0])  # column, row
    masks = np.zeros(share.shape[1:], np.uint8)
    for index, disc in enumerate(share):
        masks[disc >= 0.5] = index + 1
    steps = np.diff(pixels, axis=1).astype(np.float32)  # (k f-1 2)
    forward = np.zeros((*masks[:-1].shape, 2), np.float32)
    backward = np.zeros_like(forward)
    for index, step in enumerate(steps):
        forward += (masks[:-1] == index + 1)[..., None] * step[:, None, None]
        backward -= (masks[1:] == index + 1)[..., None] * step[:, None, None]
    edge = scene.radii[:, None, None]
    in_view = ((centres >= edge) & (centres <= EXTENT - edge)).all(-1)
    last = centres.shape[1] - 1
    events = scene.bounces(last / fps)
    if scene.contact * fps <= last:
        events = [{"kind": "contact", "time": scene.contact, "objects": [0, 1]}]
    events = [
        {"kind": event["kind"], "frame": int(np.ceil(event["time"] * fps)), **event}
        for event in events
    ]
    tracks = {"pixels": pixels, "positions": centres, "velocities": velocities, "in_view": in_view}
    return Truth(forward, backward, masks=masks, tracks=tracks, events=events)
