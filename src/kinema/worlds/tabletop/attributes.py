"""What may stand on the table and what it may do, and which combinations are held out.

A combination is (subject colour, shape, action, direction). A stable hash of its name holds out
about 15 %: `split="train"` never shows a held-out combination, neither as the subject nor as a
moving second object; `split="held_out"` shows only subjects that are held out.
"""

from __future__ import annotations

import hashlib

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


def combinations() -> list[Combination]:
    """Every (colour, shape, action, direction) of the world, in a fixed order."""
    return [
        (color, shape, action, direction)
        for color in COLORS
        for action, (shapes, directions) in ACTIONS.items()
        for shape in shapes
        for direction in directions
    ]


def is_held_out(combination: Combination) -> bool:
    """Whether a combination never appears in training: fixed for ever by a hash of its name."""
    digest = hashlib.sha256(b"tabletop/" + " ".join(combination).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < HELD_OUT_SHARE


def held_out_combinations() -> list[Combination]:
    return [combination for combination in combinations() if is_held_out(combination)]
