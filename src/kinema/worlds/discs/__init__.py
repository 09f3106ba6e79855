"""Discs under the laws of elementary mechanics, in closed form (the worlds of Kang et al. 2024).

10 x 10 units, frames of 0.1 s, colored discs on white (arXiv:2411.02385): uniform motion, a
parabola under gravity 2.5, and an elastic collision with masses as areas. Two laws are ours: a disc
in a closed box, and one of any of six colors in a box with a curtain.
"""

from kinema.worlds.discs.drawing import EXTENT, GRAY, coverage, curtain_cover, painted
from kinema.worlds.discs.render import FPS, LEVELS, caption, render, render_scene
from kinema.worlds.discs.sampling import (
    EDGE_SPEEDS,
    OUTER_SPEEDS,
    RADIUS,
    SEEN,
    SPEED,
    SPLITS,
    STEEPEST,
    sample_scene,
)
from kinema.worlds.discs.scene import (
    BOXES,
    COLORS,
    GRAVITY,
    LAWS,
    MIXED,
    PALETTE,
    DiscScene,
    folded,
)

__all__ = [
    "BOXES", "COLORS", "EDGE_SPEEDS", "EXTENT", "FPS", "GRAVITY", "GRAY", "LAWS", "LEVELS", "MIXED",
    "OUTER_SPEEDS", "PALETTE", "RADIUS", "SEEN", "SPEED", "SPLITS", "STEEPEST", "DiscScene",
    "caption", "coverage", "curtain_cover", "folded", "painted", "render", "render_scene",
    "sample_scene",
]  # fmt: skip
