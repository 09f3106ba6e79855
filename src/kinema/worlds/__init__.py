"""Synthetic videos whose truth (flow, depth, tracks, physics, caption) is known exactly."""

from kinema.worlds import tabletop
from kinema.worlds.parallel import render_many, stream
from kinema.worlds.world_clip import Truth, WorldClip

__all__ = ["WORLDS", "Truth", "WorldClip", "render_many", "stream", "tabletop"]

# Every world is a module with render(seeds, num_frames, size, level, split, fps, truth, device).
WORLDS = {"tabletop": tabletop}
