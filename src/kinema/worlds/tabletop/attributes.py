"""What may stand on the table and what it may do, and which combinations are held out.

A combination is (subject color, shape, action, direction). A stable hash of its name holds out
about 15 %: `split="train"` never shows a held-out combination, neither as the subject nor as a
moving second object; `split="held_out"` shows only subjects that are held out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

COLORS = {  # as seen (gamma-encoded); far apart in hue
    "red": (0.86, 0.10, 0.11),
    "orange": (0.98, 0.49, 0.04),
    "yellow": (0.97, 0.86, 0.10),
    "green": (0.13, 0.62, 0.19),
    "cyan": (0.10, 0.80, 0.84),
    "blue": (0.10, 0.26, 0.86),
    "purple": (0.50, 0.15, 0.74),
    "pink": (0.98, 0.50, 0.72),
}
SHAPES = ("ball", "cube", "cylinder", "cone")
MATERIALS = ("rubber", "metal")
SIZES = {"small": 0.60, "large": 0.74}  # the radius of a ball, in world units
TABLES = {
    "gray": (0.56, 0.56, 0.58),
    "white": (0.84, 0.84, 0.83),
    "beige": (0.78, 0.70, 0.57),
    "brown": (0.45, 0.31, 0.21),
    "black": (0.20, 0.20, 0.22),
}
BACKDROPS = {
    "gray": (0.66, 0.67, 0.69),
    "blue": (0.56, 0.69, 0.86),
    "green": (0.60, 0.74, 0.62),
    "cream": (0.90, 0.84, 0.72),
    "dark": (0.24, 0.25, 0.29),
}
SPEEDS = ("slowly", "", "quickly")
CAMERAS = ("still", "pans left", "pans right", "circles left", "circles right",
           "zooms in", "zooms out")  # fmt: skip
RELATIONS = ("", "behind", "in front of", "into", "next to", "while")
SIDEWAYS = ("left", "right")
COMPASS = ("left", "right", "towards", "away")

# action -> (shapes that can do it so that it is seen, its directions; "" = in place)
ACTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "rolls": (("ball", "cylinder"), COMPASS),
    "slides": (("cube", "cylinder", "cone"), COMPASS),
    "bounces": (SHAPES, ("", *SIDEWAYS)),
    "falls": (SHAPES, ("",)),
    "spins": (("cube", "cylinder"), ("",)),
}
HAS_SPEED = ("rolls", "slides", "spins")

Combination = tuple[str, str, str, str]
HELD_OUT_SHARE = 0.15


@dataclass
class Looks:
    """What one object looks like: words of the tables above; "" where a caption does not say."""

    shape: str
    color: str
    material: str
    size: str
    pattern: str  # "plain" or "striped"

    def acting(self, action: str, direction: str, speed: str) -> ActingObject:
        """Return an object of these looks that does something."""
        looks = (self.shape, self.color, self.material, self.size, self.pattern)
        return ActingObject(*looks, action, direction, speed)


@dataclass
class ActingObject(Looks):
    """An object, and what it does; "" if it only stands there."""

    action: str = ""
    direction: str = ""
    speed: str = ""


@dataclass
class Surroundings:
    """The table, the pattern on it, and the backdrop."""

    table: str
    kind: str  # "plain", "checkered" or "wooden"
    backdrop: str


@dataclass
class Attributes:
    """Everything that a caption can say of a scene; `asdict` of it stands in `metadata.jsonl`."""

    subject: Looks  # the object that acts
    action: str  # what it does, a key of `ACTIONS`
    direction: str  # where to, one of `COMPASS`; "" in place
    speed: str  # one of `SPEEDS`
    camera: str  # one of `CAMERAS`
    second: ActingObject | None  # another object, if there is one
    relation: str  # of the subject to it, one of `RELATIONS`
    scene: Surroundings  # table and backdrop
    level: int = 0  # of the world; 0 where it is not known

    @property
    def combinations(self) -> list[Combination]:
        """The combination of the subject, and that of the second object if it acts too."""
        found = [(self.subject.color, self.subject.shape, self.action, self.direction)]
        if self.second and self.second.action:
            other = self.second
            found.append((other.color, other.shape, other.action, other.direction))
        return found

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Attributes:
        """Read what `asdict` gave: the attributes of a `WorldClip`, or of a row of metadata."""
        return cls(**{
            **row,
            "subject": Looks(**row["subject"]),
            "second": ActingObject(**row["second"]) if row["second"] else None,
            "scene": Surroundings(**row["scene"]),
        })  # fmt: skip


def combinations() -> list[Combination]:
    """Every (color, shape, action, direction) of the world, in a fixed order."""
    return [
        (color, shape, action, direction)
        for color in COLORS
        for action, (shapes, directions) in ACTIONS.items()
        for shape in shapes
        for direction in directions
    ]


def is_held_out(combination: Combination) -> bool:
    """Tell whether a combination never appears in training: a hash of its name fixes that."""
    digest = hashlib.sha256(b"tabletop/" + " ".join(combination).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < HELD_OUT_SHARE
