"""VBench's dimensions that need no weights, by VBench's own definitions (Huang et al. 2024).

Kept so that tables can be compared; none is used for a verdict. All are best for a frozen clip,
and VBench itself says to read them beside the dynamic degree. They take frames one by one, so that
a clip of any length needs the memory of two frames.
"""

from collections.abc import Callable, Iterable
from itertools import islice, pairwise

import cv2
import numpy as np

from kinema.metrics.evidence import shrink
from kinema.motion import DIS, FlowMethod, warp

Interpolate = Callable[[np.ndarray, np.ndarray], np.ndarray]


def temporal_flickering(frames: Iterable[np.ndarray]) -> float:
    """(255 - mean absolute difference of neighboring frames) / 255, [0, 1]; higher is steadier.

    Of uint8 frames (h w 3) as they are, all channels, the mean over pairs of the pair means. A
    frozen clip, and a single frame, score 1.
    """
    return similarity(pairwise(frames), alone=1.0)


def motion_smoothness(
    frames: Iterable[np.ndarray], interpolate: Interpolate | None = None
) -> float:
    """(255 - mean absolute error of every second frame, made from its two neighbors) / 255, [0, 1].

    VBench interpolates with AMT-S (Li et al. 2023), a network: pass it as `interpolate`, from two
    uint8 frames to the one between, for VBench's own number. The frame halfway along the optical
    flow otherwise. NaN below three frames.
    """
    between = interpolate or halfway

    def made() -> Iterable[tuple[np.ndarray, np.ndarray]]:
        before = middle = None
        for number, frame in enumerate(frames):
            if number % 2:
                middle = frame
            else:
                if before is not None and middle is not None:
                    yield middle, between(before, frame)
                before = frame

    return similarity(made(), alone=float("nan"))


def dynamic_degree(
    frames: Iterable[np.ndarray], fps: float = 8.0, method: FlowMethod | None = None
) -> float:
    """Return 1.0 if enough pairs of frames move enough, else 0.0.

    Every round(fps / 8)-th frame is looked at, f in all. A pair moves if the mean of the fastest
    5 % of its pixels exceeds 6 min(h, w) / 256 pixels; the clip is dynamic if round(4 f / 16) pairs
    move, which is none for two frames. VBench's flow is RAFT's at the frames' own size: pass it
    as `method` for VBench's own number. DIS otherwise, on frames whose shorter side is at most 256.
    """
    looked: Iterable[np.ndarray] = islice(frames, 0, None, max(1, round(fps / 8)))
    looked = looked if method is not None else map(shrink, looked)
    flow = method or DIS()
    fields = (flow(a, b) for a, b in pairwise(looked))
    moving = [fastest(field) > 6 * min(field.shape[:2]) / 256 for field in fields]
    return float(bool(moving) and sum(moving) >= round(4 * (len(moving) + 1) / 16))


def fastest(field: np.ndarray) -> float:
    """Average the speed of the fastest 5 % of the pixels of a flow (h w 2)."""
    speed = np.hypot(field[..., 0], field[..., 1]).ravel()
    slow = len(speed) - max(1, int(len(speed) * 0.05))
    return float(np.partition(speed, slow)[slow:].mean())


def similarity(pairs: Iterable[tuple[np.ndarray, np.ndarray]], alone: float) -> float:
    """Return (255 - mean absolute difference) / 255 over pairs of frames; `alone` without any."""
    differences = [cv2.norm(a, b, cv2.NORM_L1) / a.size for a, b in pairs]
    return float((255 - np.mean(differences)) / 255) if differences else alone


def halfway(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Make the frame between two, uint8 (h w 3): both carried halfway along the flow, and averaged.

    The flow between them is taken where the content is in `a`, which is half the way off.
    """
    method = DIS()
    flow = (method(a, b) - method(b, a)) / 4  # half the way, averaged over both directions
    mean = (warp(a, -flow)[0] + warp(b, flow)[0]) / 2
    return mean.round().astype(np.uint8)
