"""tabletop: a lit three-dimensional table on which solids move, with exact truth."""

from kinema.worlds.tabletop import captions
from kinema.worlds.tabletop.attributes import Attributes, combinations, is_held_out
from kinema.worlds.tabletop.parsing import parse, unknown_words
from kinema.worlds.tabletop.render import FPS, render, render_scene
from kinema.worlds.tabletop.sampling import LEVELS, SPLITS, sample_scene
from kinema.worlds.tabletop.scene import Scene

__all__ = [
    "FPS", "LEVELS", "SPLITS", "Attributes", "Scene", "captions", "combinations", "is_held_out",
    "parse", "render", "render_scene", "sample_scene", "unknown_words",
]  # fmt: skip
