"""How much of this machine a file may take: a small file must not become gigabytes.

Each limit is generous to footage and can be raised by an environment variable; what is refused says
which.

    KINEMA_MAX_PIXELS     pixels of a picture, 36 million, and of a frame of a video, 9.5 million;
                          of a file over 1 MB 150 and 36 million
    KINEMA_MAX_CLIP_MB    of frames read into memory; 450, or 1,000 for each MB of the file but one
    KINEMA_MAX_REPEATS    pictures repeated to fill gaps in time; 10,000, and 20 for each picture
"""

from __future__ import annotations

import os
from pathlib import Path

from kinema.errors import UserError

PIXELS, CLIP_MB, REPEATS = "KINEMA_MAX_PIXELS", "KINEMA_MAX_CLIP_MB", "KINEMA_MAX_REPEATS"
SMALL = 1_000_000  # bytes; what is larger explains more pixels
MAX_PIXELS = (36_000_000, 150_000_000)  # of a picture in a small file and in any other
MAX_FRAME_PIXELS = (9_500_000, 36_000_000)  # of a frame of a video
MAX_CLIP_MB, MAX_EXPANSION = 450, 1000
DECODING = 6  # frames that a decoder holds for itself
MAX_REPEATS, REPEATS_EACH = 10_000, 20


def check_pixels(
    path: Path, height: int, width: int, limits: tuple[float, float] = MAX_FRAME_PIXELS
) -> None:
    """Refuse a picture or a frame with too many pixels, before it is decoded.

    `limits` are the most pixels in a small file and in any other.
    """
    most = setting(PIXELS, limits[path.stat().st_size > SMALL])
    if height * width > most:
        raise UserError(
            f"{path} is {width} x {height} pixels, and the limit is {most / 1e6:.3g} million: make "
            f"it smaller, or set {PIXELS} to a larger number."
        )


def check_memory(path: Path, num_frames: int, num_bytes: int) -> None:
    """Refuse a clip that takes too much memory: frames of `num_bytes` each."""
    fair = max(MAX_CLIP_MB, MAX_EXPANSION * (path.stat().st_size / 1e6 - 1))
    most = setting(CLIP_MB, fair)
    if (num_frames + DECODING) * num_bytes > most * 1e6:
        raise UserError(
            f"{path} takes more than {most:.0f} MB of memory as frames: read fewer of them or a "
            f"smaller size, or set {CLIP_MB} to a larger number."
        )


def check_repeats(path: Path, num_repeats: int, num_pictures: int) -> None:
    """Refuse a file whose gaps in time take too many repeated pictures to fill."""
    if num_repeats > setting(REPEATS, MAX_REPEATS) + REPEATS_EACH * num_pictures:
        raise UserError(
            f"{path} has gaps in time that take more than {num_repeats - 1:,} repeated pictures to "
            f"fill: cut them out, or set {REPEATS} to a larger number."
        )


def setting(name: str, default: float) -> float:
    """Return a limit from the environment; raise a UserError if it is not a number above 0."""
    text = os.environ.get(name, "")
    try:
        value = float(text or default)
    except ValueError:
        value = 0
    if not value > 0:
        raise UserError(f"The environment variable {name} is {text!r}: give a number above 0.")
    return value
