"""Clips as files: what encoders at their usual quality, another size or another stamp leave."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

# Encoder -> options of its usual quality.
ENCODERS: dict[str, dict[str, str]] = {
    "libx264": {"crf": "18", "preset": "veryfast"},
    "libx265": {"crf": "26", "preset": "veryfast", "x265-params": "log-level=none:pools=1"},
    "libvpx-vp9": {"crf": "31", "b": "0", "cpu-used": "5", "deadline": "realtime"},
    "libsvtav1": {"crf": "32", "preset": "9", "svtav1-params": "lp=1"},
    "mpeg4": {"qscale": "4", "flags": "+qscale", "global_quality": str(4 * 118)},
}


def write_video(
    frames: np.ndarray,
    path: str | Path,
    fps: float = 24.0,
    encoder: str = "libx264",
    **options: str,
) -> None:
    """Write frames, uint8 (f h w 3), with an encoder of `ENCODERS`; `options` replace its own.

    An odd side loses its last row or column, which the encoders cannot hold.
    """
    h, w = (side // 2 * 2 for side in frames.shape[1:3])
    with av.open(str(path), "w") as output:
        settings = ENCODERS[encoder] | options
        rate = Fraction(fps).limit_denominator(1001)
        stream: Any = output.add_stream(encoder, rate=rate, options=settings)
        stream.height, stream.width, stream.pix_fmt = h, w, "yuv420p"
        stream.codec_context.thread_count = 1
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(frame[:h, :w]), format="rgb24"
            )
            output.mux(stream.encode(picture.reformat(format="yuv420p")))
        output.mux(stream.encode())


def scaled(frames: np.ndarray, factor: float) -> np.ndarray:
    """Shrink or enlarge frames by a factor."""
    h, w = (round(side * factor) for side in frames.shape[1:3])
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.stack([cv2.resize(frame, (w, h), interpolation=way) for frame in frames])
