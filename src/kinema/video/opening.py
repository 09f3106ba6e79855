"""What a video starts from: nothing, a first frame, or a clip to go on from."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
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
        frames: uint8 `(k, h, w, 3)` of the size to be made, the last of them; or None.
        is_kept: whether they stand in the result as they are (a clip), or guide it (a first frame).
        num_frames: how many there are, with those before `frames`.
        stream: yields a clip from its beginning, uint8 `(h, w, 3)` each.
    """

    frames: np.ndarray | None
    is_kept: bool
    num_frames: int = 0
    stream: Callable[[], Iterator[np.ndarray]] = lambda: iter(())


def open_with(request: Request, settings: Settings, fps: float, most: int | None = None) -> Opening:
    """Read what the request starts from, and bring it to the size of the result.

    Args:
        request: which names it.
        settings: whose size the result has.
        fps: the rate that the model knows, to which a file is brought; at `settings.fps` the
            result is played.
        most: frames of a clip to hold in memory, its last ones; None: all.

    Raises:
        UserError: if the picture or the clip cannot be read.
    """
    if request.image is not None:
        return Opening(first_frame(request.image, settings.size), is_kept=False, num_frames=1)
    if request.continue_from is None:
        return Opening(None, is_kept=False)
    stream = partial(clip_frames, request.continue_from, fps, settings.size)
    num_frames, last = 0, deque[np.ndarray](maxlen=most)
    for frame in stream():
        num_frames += 1
        last.append(frame)
    if not last:
        raise UserError(f"{request.continue_from} holds no frame to go on from.")
    return Opening(np.stack(last), True, num_frames, stream)


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


def clip_frames(
    source: str | Path | Clip, fps: float, size: tuple[int, int]
) -> Iterator[np.ndarray]:
    """The frames of a clip, uint8 `(*size, 3)` each; a file is brought to `fps` first."""
    if isinstance(source, Clip):
        return (clips.fit_frames(frame[None], size)[0] for frame in source.frames)
    return clips.stream(source, fps=fps, size=size)
