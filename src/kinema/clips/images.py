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

from kinema.clips.limits import check_picture
from kinema.errors import UserError
from kinema.storage.atomic import require_file

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
        check_picture(path, image.height, image.width)
        ImageOps.exif_transpose(image, in_place=True)
        if image.has_transparency_data:
            return flatten(np.asarray(image.convert("RGBA")))
        return np.array(image if image.mode == "RGB" else image.convert("RGB"))


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
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"{path} is not a {kind} that can be read ({said[0][:80]}).") from error


def flatten(rgba: np.ndarray) -> np.ndarray:
    """Lay `(h, w, 4)` over white: uint8 `(h, w, 3)`."""
    alpha = rgba[..., 3:].astype(np.uint16)
    if alpha.min() == 255:
        return np.ascontiguousarray(rgba[..., :3])
    mixed = rgba[..., :3] * alpha + 255 * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)
