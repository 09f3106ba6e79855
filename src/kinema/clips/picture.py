"""One decoded picture -> upright RGB of the size wanted, in a single pass of the scaler."""

from __future__ import annotations

import av
import numpy as np

from kinema.clips.images import flatten

Crop = tuple[float, float]  # (0, 0) top left .. (1, 1) bottom right


def fit(
    picture: av.VideoFrame,
    size: tuple[int, int] | None,
    crop: Crop = (0.5, 0.5),
    trim: tuple[int, int] | None = None,
) -> np.ndarray:
    """Scale a decoded picture until it covers `size`, crop, turn upright: uint8 `(h, w, 3)`.

    Without a size it keeps its own. `crop` says where the crop lies within what is left over;
    `trim` is the height and width that were written, if the file holds a padded row or column.
    """
    quarter_turns = round(picture.rotation / 90) % 4
    turned = quarter_turns % 2 == 1
    height, width = picture.height, picture.width
    if size is not None:
        h, w = size[::-1] if turned else size
        height, width = cover((picture.height, picture.width), (h, w))
    rgb = to_rgb(picture, height, width)
    if trim is not None and size is None:
        rgb = rgb[: trim[0], : trim[1]]
    rgb = np.rot90(rgb, quarter_turns) if quarter_turns else rgb
    if size is not None:
        top = round((rgb.shape[0] - size[0]) * crop[0])
        left = round((rgb.shape[1] - size[1]) * crop[1])
        rgb = rgb[top : top + size[0], left : left + size[1]]
    return np.ascontiguousarray(rgb)


def fit_frames(frames: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale and crop frames that are in memory: uint8 `(f, h, w, 3)` -> `(f, *size, 3)`."""
    if frames.shape[1:3] == tuple(size):
        return frames
    return np.stack([fit(av.VideoFrame.from_ndarray(f, format="rgb24"), size) for f in frames])


def cover(have: tuple[int, int], want: tuple[int, int]) -> tuple[int, int]:
    """The smallest size of the aspect of `have` that covers `want`."""
    scale = max(want[0] / have[0], want[1] / have[1])
    return max(round(have[0] * scale), want[0]), max(round(have[1] * scale), want[1])


def to_rgb(picture: av.VideoFrame, height: int, width: int) -> np.ndarray:
    shrinks = height < picture.height
    transparent = any(component.is_alpha for component in picture.format.components)
    rgb = picture.to_ndarray(
        format="rgba" if transparent else "rgb24",
        width=width,
        height=height,
        interpolation="AREA" if shrinks else "BICUBIC",
    )
    return flatten(rgb) if transparent else rgb
