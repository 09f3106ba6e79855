"""Recipes: a run is a Python function that returns a filled dataclass with `.train()`."""

from kinema.recipes.tabletop import tabletop, tabletop_codec

RECIPES = {"tabletop": tabletop, "tabletop-codec": tabletop_codec}

__all__ = ["RECIPES", "tabletop", "tabletop_codec"]
