"""What a video starts from: nothing, a first frame, a clip to go on from, or one to make anew."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kinema import clips
from kinema.clips import Clip
from kinema.errors import Notice, UserError
from kinema.video.request import Request


class Opening(NamedTuple):
    """Frames that are there before anything is made, uint8 `(k, h, w, 3)` of the size to be made.

    Attributes:
        given: frames to go on from, the last of them, or a first frame; or None.
        source: a video to be made anew; or None.
        num_kept: how many frames of a clip stand in the result as they are, before new ones.
        kept: yields these frames, `(h, w, 3)` each.
    """

    given: np.ndarray | None = None
    source: np.ndarray | None = None
    num_kept: int = 0
    kept: Callable[[], Iterator[np.ndarray]] = lambda: iter(())


def open_with(request: Request, size: tuple[int, int], fps: float, most: int) -> Opening:
    """Read what the request starts from, and bring it to the size of the result.

    Args:
        request: which names it.
        size: height and width of the result.
        fps: the rate that the model knows, to which a file is brought.
        most: frames of a clip to hold in memory, its last ones.

    Raises:
        UserError: if the picture or the clip cannot be read.
    """
    if request.image is not None:
        return Opening(given=first_frame(request.image, size))
    if request.video is not None:
        frames = islice(clip_frames(request.video, fps, size), request.num_frames)
        source = held(frames, f"{request.video} holds no frame to make anew.")
        if len(source) < (request.num_frames or 0):
            raise UserError(
                f"{request.video} has {len(source)} frames at {fps:g} fps, fewer than the "
                f"{request.num_frames} to be made: leave the number of frames out."
            )
        return Opening(source=source)
    if request.continue_from is None:
        return Opening()
    stream = partial(clip_frames, request.continue_from, fps, size)
    num_frames, last = 0, deque[np.ndarray](maxlen=most)
    for frame in stream():
        num_frames += 1
        last.append(frame)
    given = held(iter(last), f"{request.continue_from} holds no frame to go on from.")
    return Opening(given, None, num_frames, stream)


def held(frames: Iterator[np.ndarray], complaint: str) -> np.ndarray:
    """Return frames as one array, uint8 `(k, h, w, 3)`; without one, raise a UserError."""
    every = list(frames)
    if not every:
        raise UserError(complaint)
    return np.stack(every)


def first_frame(image: str | Path | np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a picture as one frame, uint8 `(1, *size, 3)`: scaled to cover the size, cropped."""
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
    """Return the frames of a clip, uint8 `(*size, 3)` each; a file is brought to `fps` first."""
    if isinstance(source, Clip):
        return (clips.fit_frames(frame[None], size)[0] for frame in source.frames)
    return clips.stream(source, fps=fps, size=size)


def size_of(source: str | Path | Clip) -> tuple[int, int]:
    """Return the height and width of a clip in memory or in a file."""
    if isinstance(source, Clip):
        return source.size
    info = clips.inspect(source)
    return info.height, info.width


PEEK = 8  # frames from which a cut at frame 1 is told


def warn_of_cut(frames: np.ndarray) -> None:
    """Tell if a video cuts away from its first frame, as from a picture unlike any in training.

    Args:
        frames: uint8 `(f, h, w, 3)`, of which the first PEEK count.
    """
    from kinema.metrics.temporal.cuts import (  # the metrics take a second to import
        adaptive_ratios,
        content_scores,
        find_cuts,
    )

    frames = frames[:PEEK]
    if 1 in find_cuts(frames):
        scores = content_scores(frames)
        warnings.warn(
            f"The video cuts away from the picture at frame 1 (change {scores[1]:.0f} of 255, "
            f"{adaptive_ratios(scores)[1]:.1f} times that of the frames around): the model was "
            "trained on other pictures.",
            Notice,
            stacklevel=2,
        )
