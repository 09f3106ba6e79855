"""tabletop: a lit three-dimensional table on which solids move, with exact truth."""

from kinema.worlds.tabletop.render import render
from kinema.worlds.tabletop.sampling import sample_scene

__all__ = ["render", "sample_scene"]
