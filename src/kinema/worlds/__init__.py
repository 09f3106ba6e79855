"""Synthetic videos whose truth (flow, depth, tracks, physics, caption) is known exactly."""

from kinema.worlds import discs, gaussian, tabletop
from kinema.worlds.gaussian import GaussianWorld
from kinema.worlds.parallel import render_many, stream
from kinema.worlds.world_clip import Truth, WorldClip

__all__ = [
    "WORLDS", "GaussianWorld", "Truth", "WorldClip", "discs", "gaussian", "render_many", "stream",
    "tabletop",
]  # fmt: skip

# Every world is a module with render(seeds, num_frames, size, level, split, fps, truth, device).
WORLDS = {"tabletop": tabletop, "discs": discs, "gaussian": gaussian}
