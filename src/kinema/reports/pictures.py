"""Pictures as the bytes of a PNG: plots by matplotlib, and arrays."""

import io
from typing import Any

import numpy as np
from PIL import Image

from kinema.errors import UserError


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure of matplotlib; width and height in inches of 110 pixels."""
    return require_plots().figure.Figure(figsize=(width, height), layout="constrained")


def color_map(name: str) -> Any:
    """Return a color map of matplotlib: a function from a number to a color."""
    return require_plots().colormaps[name]


def require_plots() -> Any:
    """Return matplotlib, with its figures.

    Raises:
        UserError: if it is not installed.
    """
    try:
        import matplotlib.figure
    except ImportError as error:
        raise UserError(
            "The plots need matplotlib: pip install -c constraints.txt 'kinema[plots]'."
        ) from error
    return matplotlib


def plot_png(figure: Any) -> bytes:
    """Return a figure of matplotlib as a PNG."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
    return file.getvalue()


def image_png(image: np.ndarray) -> bytes:
    """Return an image, uint8 (h w 3), as a PNG."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return file.getvalue()
