"""Dense optical flow between neighboring frames, in both directions.

Flow F from frame t to t+1 lives on frame t's grid: what stands at x in frame t stands at x + F(x)
in frame t+1. A method is a small frozen dataclass called with two frames; DIS (Kroeger et al.
2016) is the default, Farneback (2003) is kept because much published code uses it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from kinema.errors import UserError, nearest

FlowMethod = Callable[[np.ndarray, np.ndarray], np.ndarray]

DIS_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


@dataclass(frozen=True)
class Flow:
    """The motion of a clip, in pixels per frame; the last axis is (x, y)."""

    forward: np.ndarray  # (f-1 h w 2) float32, from frame t to t+1, on the grid of frame t
    backward: np.ndarray  # (f-1 h w 2) float32, from frame t+1 to t, on the grid of frame t+1


@dataclass(frozen=True)
class DIS:
    """Dense inverse search on frames resized to a stated working size.

    Flow at a fixed size costs the same for every resolution and scores alike what looks alike;
    small frames are enlarged, because DIS matches patches of 8 x 8 pixels.
    """

    short_side: int | None = 256  # working size in pixels; None keeps the frames' own
    preset: str = "medium"  # "ultrafast", "fast" or "medium"

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Flow (h w 2) from frame a to frame b, both uint8 (h w 3)."""
        search = cv2.DISOpticalFlow_create(DIS_PRESETS[self.preset])
        a_gray, b_gray = gray(a, self.short_side), gray(b, self.short_side)
        return rescale(search.calc(a_gray, b_gray, None), a.shape[:2])


@dataclass(frozen=True)
class Farneback:
    """Polynomial expansion with the settings of OpenCV's tutorial, at the frames' own size."""

    short_side: int | None = None

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Flow (h w 2) from frame a to frame b, both uint8 (h w 3)."""
        a_gray, b_gray = gray(a, self.short_side), gray(b, self.short_side)
        flow = cv2.calcOpticalFlowFarneback(a_gray, b_gray, None, 0.5, 3, 15, 3, 5, 1.2, 0)
        return rescale(flow, a.shape[:2])


def optical_flow(frames: np.ndarray, method: FlowMethod | None = None) -> Flow:
    """Estimate the motion between all neighboring frames, uint8 (f h w 3), both ways."""
    method = method or DIS()
    h, w = frames.shape[1:3]
    forward = [method(a, b) for a, b in zip(frames[:-1], frames[1:], strict=True)]
    backward = [method(b, a) for a, b in zip(frames[:-1], frames[1:], strict=True)]
    shape = (len(forward), h, w, 2)
    return Flow(
        np.asarray(forward, np.float32).reshape(shape),
        np.asarray(backward, np.float32).reshape(shape),
    )


def gray(frame: np.ndarray, short_side: int | None) -> np.ndarray:
    """Compute the luma (h w) of an RGB frame at the working size."""
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    h, w = gray.shape
    scale = 1 if short_side is None else short_side / min(h, w)
    if scale == 1:
        return gray
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(gray, (round(w * scale), round(h * scale)), interpolation=shrink)


def rescale(flow: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize flow (h' w' 2) to `size`, its vectors in the pixels of that size."""
    h, w = size
    if flow.shape[:2] == size:
        return flow
    ratio = np.array([w / flow.shape[1], h / flow.shape[0]], np.float32)
    return cv2.resize(flow, (w, h), interpolation=cv2.INTER_LINEAR) * ratio


FLOW_METHODS = {
    "dis": "dense inverse search (Kroeger et al. 2016); verdicts are fitted on it",
    "farneback": "polynomial expansion (Farneback 2003)",
    "lk": "dense Lucas-Kanade in torch",
    "raft": "RAFT (Teed and Deng 2020), from a weights file",
}


def flow_method(name: str, weights: str | None = None) -> FlowMethod:
    """Make a flow method by its name, one of FLOW_METHODS; "raft" takes a file of weights.

    Raises:
        UserError: if there is no such method, or its weights are missing or foreign.
    """
    if name not in FLOW_METHODS:
        raise UserError(f"There is no flow method {name!r}; {nearest(name, list(FLOW_METHODS))}")
    if weights is not None and name != "raft":
        raise UserError(f"The flow method {name!r} takes no weights: leave --flow-weights out.")
    if name == "lk":
        from kinema.motion.lucas_kanade import LucasKanade  # torch takes a second to import

        return LucasKanade()
    if name == "raft":
        return raft(weights)
    return DIS() if name == "dis" else Farneback(256)


def raft(weights: str | None) -> FlowMethod:
    from kinema.motion.raft import RAFT, RAFTFlow

    if weights is None:
        raise UserError(
            "The flow method 'raft' needs weights: --flow-weights raft-things.pth, from the "
            "authors' page (github.com/princeton-vl/RAFT)."
        )
    RAFT.from_file(weights)  # a wrong file is said now, not by a worker later
    return RAFTFlow(weights)
