"""A still picture as a frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from kinema.errors import UserError
from kinema.storage.atomic import require_file


def read_image(path: str | Path) -> np.ndarray:
    """Read a picture upright (its EXIF orientation applied), transparency laid over white.

    Returns:
        uint8 `(h, w, 3)`.

    Raises:
        UserError: if the file is missing, empty, a folder or not a picture.
    """
    path = require_file(path, "picture")
    try:
        with Image.open(path) as image:
            return flatten(np.asarray(ImageOps.exif_transpose(image).convert("RGBA")))
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} is not a picture that can be read ({error}).") from error


def flatten(rgba: np.ndarray) -> np.ndarray:
    """Lay `(h, w, 4)` over white: uint8 `(h, w, 3)`."""
    alpha = rgba[..., 3:].astype(np.uint16)
    if alpha.min() == 255:
        return np.ascontiguousarray(rgba[..., :3])
    mixed = rgba[..., :3] * alpha + 255 * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)
