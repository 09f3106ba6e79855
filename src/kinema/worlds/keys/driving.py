"""How held keys move a body: a push and a drag, in closed form, between walls or without any.

With acceleration a and drag k the velocity tends to a / k, and between two impacts

    v(s) = a / k + (v - a / k) exp(-k s),   x(s) = x + a s / k + (v - a / k) (1 - exp(-k s)) / k.

A wall throws the body back with a share of its speed. Units are those of the discs: a box of
10 x 10 units, y upwards, frames of a tenth of a second.
"""

from dataclasses import dataclass

import numpy as np

from kinema.worlds.discs.drawing import EXTENT

KEYS = {"left": (-1, 0), "right": (1, 0), "up": (0, 1), "down": (0, -1)}  # whereto each pushes
FPS = 10.0
PUSH = 10.0  # units a second squared that one held key adds
DRAG = 2.0  # share of the speed that is lost a second: held keys lead to 5 units a second
REBOUND = 0.8  # share of the speed that a wall gives back
SUBSTEPS = 16  # of a frame, in which impacts are looked for
LEVELS = range(1, 3)  # 1 a disc in a box, 2 the view over a ground
SPLITS: tuple[str, ...] = ("train", "held_out")
HOLDS = {"train": (3, 12), "held_out": (12, 32)}  # frames for which the same keys are held
IDLE = 0.2  # of the time no key is held
BOTH = 0.4  # of the other time a key of each axis is held, else one
FASTEST = 4.0  # units a second at the start
RADIUS = (0.7, 1.4)  # of the disc, units


@dataclass(frozen=True)
class Drive:
    """A body at the start, and the keys that are held.

    position, velocity: (2,) in units and units a second; radius: of the disc; keys: (f, 4) of 0 and
    1 in the order of `KEYS`, where row i is held from frame i - 1 to frame i, and row 0 is idle.
    """

    position: np.ndarray
    velocity: np.ndarray
    radius: float
    keys: np.ndarray

    @property
    def pushes(self) -> np.ndarray:
        """Compute the accelerations (f 2), units a second squared."""
        return PUSH * self.keys @ np.array(list(KEYS.values()), float)


def sample_drive(seed: int, num_frames: int, level: int = 1, split: str = "train") -> Drive:
    """Draw a seed's start and keys; the longer of two clips begins with the keys of the shorter.

    split: "held_out" holds keys for longer than training ever does.
    """
    assert level in LEVELS and split in SPLITS, (level, split)
    rng = np.random.default_rng([seed, level, SPLITS.index(split)])
    radius = rng.uniform(*RADIUS)
    position = rng.uniform(radius, EXTENT - radius, 2)
    angle, speed = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(0.0, FASTEST)
    velocity = speed * np.array([np.cos(angle), np.sin(angle)])
    rows = [np.zeros((1, len(KEYS)), int)]
    while sum(map(len, rows)) < num_frames:
        hold = rng.integers(*HOLDS[split], endpoint=True)
        rows.append(np.repeat(sample_keys(rng)[None], hold, axis=0))
    return Drive(position, velocity, radius, np.concatenate(rows)[:num_frames])


def sample_keys(rng: np.random.Generator) -> np.ndarray:
    """Draw which keys (4,) are held together: none, one, or one of each axis."""
    held = np.zeros(len(KEYS), int)
    sideways, upwards = rng.integers(2), 2 + rng.integers(2)
    if rng.random() < IDLE:
        return held
    chosen = [sideways, upwards] if rng.random() < BOTH else [rng.choice([sideways, upwards])]
    held[chosen] = 1
    return held


def driven(drive: Drive, fps: float = FPS, walls: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Compute positions (f 2) and velocities (f 2) at every frame.

    walls: whether the walls of the box throw the disc back.
    """
    position, velocity = drive.position.astype(float), drive.velocity.astype(float)
    places, speeds = [position], [velocity]
    for push in drive.pushes[1:]:
        for _ in range(SUBSTEPS):
            position, velocity = moved(position, velocity, push, 1.0 / (fps * SUBSTEPS))
            if walls:
                position, velocity = thrown_back(position, velocity, drive.radius)
        places.append(position)
        speeds.append(velocity)
    return np.stack(places), np.stack(speeds)


def moved(
    position: np.ndarray, velocity: np.ndarray, push: np.ndarray, seconds: float
) -> tuple[np.ndarray, np.ndarray]:
    """Move a body under a constant push and drag, exactly; all (2,)."""
    lasting, fading = push / DRAG, velocity - push / DRAG
    left = np.exp(-DRAG * seconds)
    return position + lasting * seconds + fading * (1.0 - left) / DRAG, lasting + fading * left


def thrown_back(
    position: np.ndarray, velocity: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """Let the walls turn a disc that has gone into one, to where it would have come by now."""
    inside = np.clip(position, radius, EXTENT - radius)
    beyond = position - inside
    turned = np.where(beyond * velocity > 0.0, -REBOUND * velocity, velocity)
    return inside - REBOUND * beyond, turned
