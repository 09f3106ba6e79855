"""Synthetic videos whose truth (flow, depth, tracks, physics, caption) is known exactly."""

from kinema.worlds import discs, gaussian, keys, tabletop
from kinema.worlds.gaussian import GaussianWorld
from kinema.worlds.parallel import render_ahead
from kinema.worlds.world import Rendering, Truth, World, WorldClip

__all__ = [
    "WORLDS", "GaussianWorld", "Rendering", "Truth", "World", "WorldClip", "discs", "gaussian",
    "keys", "render_ahead", "tabletop",
]  # fmt: skip

WORLDS: dict[str, World] = {
    "tabletop": tabletop,
    "discs": discs,
    "keys": keys,
    "gaussian": gaussian,
}
