"""A still picture as a frame."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from kinema.clips.limits import MAX_PIXELS, check_pixels
from kinema.errors import UserError, brief
from kinema.storage.atomic import require_file

STRIP = 256  # rows
# What Pillow raises for damaged files, by trial.
DAMAGE = (
    OSError,
    SyntaxError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def read_image(path: str | Path) -> np.ndarray:
    """Read a picture upright (its EXIF orientation applied), transparency laid over white.

    Returns:
        uint8 `(h, w, 3)`.

    Raises:
        UserError: if the file is missing, empty, a folder, not a picture, or too large; see
            `kinema.clips.limits`.
    """
    path = require_file(path, "picture")
    with open_picture(path, "picture") as image:
        check_pixels(path, image.height, image.width, MAX_PIXELS)
        ImageOps.exif_transpose(image, in_place=True)
        return to_rgb(image)


def to_rgb(image: Image.Image) -> np.ndarray:
    """Return a picture as uint8 `(h, w, 3)`, transparency laid over white.

    It is converted in strips: what Pillow hands over is a copy, and a large picture has room once.
    """
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, STRIP):
        strip = image.crop((0, top, image.width, min(top + STRIP, image.height)))
        is_clear = strip.has_transparency_data
        pixels = np.asarray(strip.convert("RGBA" if is_clear else "RGB"))
        rgb[top : top + STRIP] = flatten(pixels) if is_clear else pixels
    return rgb


@contextmanager
def open_picture(path: Path, kind: str) -> Iterator[Image.Image]:
    """Open a file with Pillow; what goes wrong inside the block is a UserError.

    Args:
        path: the file.
        kind: what it should be, for the sentence.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            yield image
    except UserError:
        raise
    except DAMAGE as error:
        raise UserError(f"{path} is not a {kind} that can be read ({brief(error)}).") from error


def flatten(rgba: np.ndarray) -> np.ndarray:
    """Lay `(h, w, 4)` over white: uint8 `(h, w, 3)`."""
    alpha = rgba[..., 3:].astype(np.uint16)
    if alpha.min() == 255:
        return np.ascontiguousarray(rgba[..., :3])
    mixed = rgba[..., :3] * alpha + 255 * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)
