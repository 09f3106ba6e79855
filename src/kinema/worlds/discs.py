"""Discs under the laws of elementary mechanics, in closed form (the worlds of Kang et al. 2024).

10 x 10 units, 32 frames of 0.1 s, coloured discs on white (arXiv:2411.02385): uniform motion, a
parabola under gravity 2.5, and an elastic collision with masses as areas; and, not theirs, a disc
in a closed box, which never comes to rest, and one of any of six colours in a box with a curtain,
behind which it is out of sight for a while. Training draws radius and speed from one range, the
held-out split from outside it. World x in [0, 10] is pixel 0 to width - 1, y points up; edges are
one pixel soft, so that a weighted centroid reads positions to a few thousandths of a unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinema.worlds.disc_drawing import EXTENT, coverage, curtain_cover, painted
from kinema.worlds.world_clip import Truth, WorldClip

GRAVITY = 2.5
LEVELS = {"uniform": 1, "parabola": 2, "collision": 3, "box": 5, "curtain": 6}
LAWS = tuple(LEVELS)
BOXES = ("box", "curtain")  # the laws of a disc that walls throw back, for ever
MIXED = 4  # the level of any of Kang et al.'s three laws
SPLITS = {"train": 0, "held_out": 1, "all": 2, "edges": 3, "swift": 4}
SWIFTEST_OF = 8  # so many scenes comes every other one of the split "swift"
COLORS = {"red": (214, 39, 40), "blue": (31, 90, 200)}
PALETTE = {  # of the law "curtain"; as inks on white any two are 26 degrees apart or more
    **COLORS,
    "green": (60, 180, 40),
    "yellow": (245, 200, 0),
    "purple": (190, 60, 200),
    "cyan": (0, 205, 230),
}
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


@dataclass
class DiscScene:
    """Discs that start at positions with velocities and obey one law; units and seconds."""

    law: str
    radii: np.ndarray  # (k,)
    positions: np.ndarray  # (k 2) at time 0
    velocities: np.ndarray  # (k 2) at time 0
    color: str = "red"  # of the first disc; a second one is blue
    curtain: tuple[float, float] | None = None  # from x to x, before the disc, grey and opaque

    @property
    def inks(self) -> np.ndarray:
        """Colours of the discs less white, (k 3)."""
        both = (PALETTE[self.color], COLORS["blue"])
        return np.array(both[: len(self.radii)], dtype=float) - 255.0

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
        if self.law in BOXES:
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
        if self.law not in BOXES:
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

    def visible(self, centres: np.ndarray) -> np.ndarray:
        """Share (k f) of the area of discs at centres (k f 2) that no curtain hides, exactly."""
        if self.curtain is None:
            return np.ones(centres.shape[:-1])
        edges = np.array(self.curtain)[:, None, None]
        s = np.clip((edges - centres[..., 0]) / self.radii[:, None], -1.0, 1.0)
        left, right = 0.5 + (s * np.sqrt(1.0 - s * s) + np.arcsin(s)) / np.pi  # shares left of it
        return 1.0 - (right - left)

    def hidings(self, seconds: float) -> list[dict]:
        """When the curtain has hidden the whole disc, and when some of it is seen again, in order.

        Returns:
            {"kind": "hidden" or "seen", "time": in seconds, "objects": [0]} each.
        """
        if self.curtain is None:
            return []
        radius, x = self.radii[0], self.positions[0, 0]
        room = EXTENT - 2.0 * radius
        start, pace = (x - radius) / room, self.velocities[0, 0] / room
        low, high = self.curtain[0] + radius, self.curtain[1] - radius  # centres out of sight
        edges = [edge for edge in (low, high) if radius < edge < EXTENT - radius]
        rounds = np.arange(-2, 3 + abs(pace) * seconds // 2) * 2.0 * np.sign(pace)
        phases = [rounds + sign * (edge - radius) / room for edge in edges for sign in (1, -1)]
        times = np.sort((np.concatenate(phases) - start) / pace)
        times = times[(times > 0.0) & (times <= seconds)]
        kinds = ("seen", "hidden") if low <= x <= high else ("hidden", "seen")
        return [
            {"kind": kinds[number % 2], "time": float(time), "objects": [0]}
            for number, time in enumerate(times)
        ]


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
    """The scene of a seed: 1 uniform, 2 parabola, 3 collision, 4 any of them, 5 box, 6 curtain.

    split: "train" draws radius and speed in distribution, "held_out" outside it, "all" either;
    "edges" leaves the middle of the speeds out of training; "swift" has more of what is rare in it:
    every other scene is, of eight in distribution, the one in which a disc becomes fastest.
    """
    assert level in (*LEVELS.values(), MIXED) and split in SPLITS, (level, split)
    rng = np.random.default_rng([seed, level, SPLITS[split]])
    drawn = int(rng.integers(3)) + 1 if level == MIXED else level
    law = next(name for name, number in LEVELS.items() if number == drawn)
    if split == "swift":
        count = rng.choice((1, SWIFTEST_OF))
        return max((_scene(law, split, rng) for _ in range(count)), key=_pace)
    return _scene(law, split, rng)


def _pace(scene: DiscScene) -> float:
    """The speed of its fastest disc, at the beginning or after an impact."""
    after = [scene.velocities_after()] if scene.law == "collision" else []
    return float(max(np.linalg.norm(v, axis=1).max() for v in [scene.velocities, *after]))


def _scene(law: str, split: str, rng: np.random.Generator) -> DiscScene:
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
    if law == "curtain":
        return _curtained(speeds, radii, rng)
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


def _curtained(speeds: np.ndarray, radii: np.ndarray, rng: np.random.Generator) -> DiscScene:
    """Anywhere; in two of three scenes, on a way that is not too steep, with a curtain."""
    color = list(PALETTE)[int(rng.integers(len(PALETTE)))]
    positions, velocities = _box(speeds, radii, rng)
    if rng.random() < NO_CURTAIN:
        return DiscScene("curtain", radii, positions, velocities, color)
    angle = rng.uniform(-STEEPEST, STEEPEST) + np.pi * rng.integers(2)
    velocities = speeds[:, None] * np.array([np.cos(angle), np.sin(angle)])
    curtain = _curtain(float(radii[0]), float(np.abs(velocities[0, 0])), rng)
    return DiscScene("curtain", radii, positions, velocities, color, curtain)


def _curtain(radius: float, pace: float, rng: np.random.Generator) -> tuple[float, float]:
    """From where to where it hangs before a disc that moves sideways at a pace.

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
        level: 1 uniform motion, 2 parabola, 3 collision, 4 any of these; 5 a closed box, 6 one with
            a disc of any colour, and mostly a curtain.
        split: "train" in distribution, "held_out" outside it, "all" either, "edges" without the
            middle speeds, "swift" with more fast discs.
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
    attributes = {
        "level": level,
        "law": scene.law,
        "radii": scene.radii.tolist(),
        "speeds": np.linalg.norm(scene.velocities, axis=1).tolist(),
    }
    if scene.law == "curtain":
        attributes |= {"color": scene.color, "curtain": scene.curtain and list(scene.curtain)}
    return WorldClip(
        frames=painted(share, scene.inks, scene.curtain),
        fps=fps,
        caption=caption(scene),
        attributes=attributes,
        truth=_truth(scene, centres, velocities, share, size, fps) if truth else None,
    )


def caption(scene: DiscScene) -> str:
    """What a scene shows, in words."""
    if scene.law in BOXES:
        behind = "" if scene.curtain is None else " and passes behind a grey curtain"
        return f"a {scene.color} disc bounces off the walls of a box{behind}"
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
    if scene.curtain is not None:
        masks[..., curtain_cover(scene.curtain, width) >= 0.5] = len(share) + 1
    steps = np.diff(pixels, axis=1).astype(np.float32)  # (k f-1 2)
    forward = np.zeros((*masks[:-1].shape, 2), np.float32)
    backward = np.zeros_like(forward)
    for index, step in enumerate(steps):
        forward += (masks[:-1] == index + 1)[..., None] * step[:, None, None]
        backward -= (masks[1:] == index + 1)[..., None] * step[:, None, None]
    edge = scene.radii[:, None, None]
    in_view = ((centres >= edge) & (centres <= EXTENT - edge)).all(-1)
    last = centres.shape[1] - 1
    events = scene.bounces(last / fps) + scene.hidings(last / fps)
    if scene.contact * fps <= last:
        events = [{"kind": "contact", "time": scene.contact, "objects": [0, 1]}]
    events = [
        {"kind": event["kind"], "frame": int(np.ceil(event["time"] * fps)), **event}
        for event in sorted(events, key=lambda event: event["time"])
    ]
    tracks = {"pixels": pixels, "positions": centres, "velocities": velocities, "in_view": in_view}
    if scene.law == "curtain":
        tracks["visible"] = scene.visible(centres)
    return Truth(forward, backward, masks=masks, tracks=tracks, events=events)
