"""tabletop: a lit three-dimensional table on which solids move, with exact truth."""

from kinema.worlds.tabletop import captions
from kinema.worlds.tabletop.attributes import combinations, held_out_combinations, is_held_out
from kinema.worlds.tabletop.parsing import parse, unknown_words
from kinema.worlds.tabletop.render import render, render_scene
from kinema.worlds.tabletop.sampling import sample_scene
from kinema.worlds.tabletop.scene import Scene

__all__ = [
    "Scene", "captions", "combinations", "held_out_combinations", "is_held_out", "parse", "render",
    "render_scene", "sample_scene", "unknown_words",
]  # fmt: skip
