"""Recipes: a run is a Python function that returns a filled dataclass with `.train()`."""

from kinema.recipes.physics import physics_collision, physics_parabola, physics_uniform
from kinema.recipes.tabletop import tabletop, tabletop_codec

RECIPES = {
    "tabletop": tabletop,
    "tabletop-codec": tabletop_codec,
    "physics-uniform": physics_uniform,
    "physics-parabola": physics_parabola,
    "physics-collision": physics_collision,
}

__all__ = [
    "RECIPES",
    "physics_collision",
    "physics_parabola",
    "physics_uniform",
    "tabletop",
    "tabletop_codec",
]
