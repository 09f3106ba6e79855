"""Where the weights that ship with kinema lie."""

from pathlib import Path

SHIPPED = Path(__file__).parents[1] / "models"
