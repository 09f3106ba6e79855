"""What a video starts from: nothing, a first frame, or a clip to go on from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from kinema import clips
from kinema.clips import Clip
from kinema.errors import UserError
from kinema.video.request import Request, Settings


class Opening(NamedTuple):
    """Frames that are there before anything is made.

    Attributes:
        frames: uint8 `(k, h, w, 3)` of the size to be made, or None.
        is_kept: whether they stand in the result as they are (a clip), or guide it (a first frame).
    """

    frames: np.ndarray | None
    is_kept: bool


def open_with(request: Request, settings: Settings, fps: float) -> Opening:
    """Read what the request starts from, and bring it to the size of the result.

    Args:
        request: which names it.
        settings: whose size the result has.
        fps: the rate that the model knows, to which a file is brought; at `settings.fps` the
            result is played.

    Raises:
        UserError: if the picture or the clip cannot be read.
    """
    if request.image is not None:
        return Opening(first_frame(request.image, settings.size), is_kept=False)
    if request.continue_from is not None:
        frames = clip_frames(request.continue_from, fps, settings.size)
        return Opening(frames, is_kept=True)
    return Opening(None, is_kept=False)


def first_frame(image: str | Path | np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture as one frame, uint8 `(1, *size, 3)`: scaled to cover the size, then cropped."""
    if isinstance(image, str | Path):
        image = clips.read_image(image)
    picture = np.asarray(image)  # a PIL image too
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise UserError(
            f"An image is a file or uint8 (h, w, 3), not {picture.dtype} {picture.shape}."
        )
    return clips.fit_frames(picture[None], size)


def clip_frames(source: str | Path | Clip, fps: float, size: tuple[int, int]) -> np.ndarray:
    """The frames of a clip, uint8 `(f, *size, 3)`; a file is brought to `fps` first."""
    if isinstance(source, Clip):
        return clips.fit_frames(source.frames, size)
    return clips.read(source, fps=fps, size=size).frames
