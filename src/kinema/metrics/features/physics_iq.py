"""Physics-IQ's four scores of a clip against a real one (Motamed et al. 2025).

Where, when and how much something moves, and how the pixels differ, over the first five seconds:

    spatial IoU           of the places where anything moves at any time
    spatiotemporal IoU    of the places where something moves, frame by frame; the mean
    weighted spatial IoU  of how often each place moves: sum of minima / sum of maxima
    MSE                   of the pixels in [0, 1], the mean over frames

Masks of motion and sizes are those of the published code: a running mean of the blurred gray
frames (weight 0.3), a threshold of 10 gray levels, opening and closing by 5 x 5, then a quarter of
the reference's size. The published code stores the masks as lossy video in between, which is left
out here, and divides by what two takes of the real scene reach, which one reference cannot show.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np

SECONDS = 5
THRESHOLD = 10  # gray levels
KERNEL = np.ones((5, 5), np.uint8)


@dataclass(frozen=True)
class PhysicsIQ:
    """The four scores; the IoUs in [0, 1], 1 for the same motion, the MSE 0 for the same pixels."""

    spatial_iou: float
    spatiotemporal_iou: float
    weighted_spatial_iou: float
    mse: float


def physics_iq(
    frames: Iterable[np.ndarray], reference: Iterable[np.ndarray], fps: float
) -> PhysicsIQ:
    """Compare a clip with its reference, uint8 frames (h w 3) of one size and rate, one by one.

    Raises:
        ValueError: if there is no frame.
    """
    length = max(1, round(SECONDS * fps))
    own, other = (quarters(islice(side, length)) for side in (frames, reference))
    counts: list[np.ndarray] = []
    ious, errors = [], []
    for (mask, small), (real_mask, real_small) in zip(own, other, strict=False):
        counts = counts or [np.zeros(mask.shape), np.zeros(mask.shape)]
        counts = [counts[0] + mask, counts[1] + real_mask]
        ious.append(iou(mask, real_mask))
        errors.append(float(((small - real_small) ** 2).mean()))
    if not counts:
        raise ValueError("There is no frame to compare.")
    return PhysicsIQ(
        iou(counts[0] > 0, counts[1] > 0),
        float(np.mean(ious)),
        iou(*counts),
        float(np.mean(errors)),
    )


def quarters(frames: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the mask of motion (bool) and the pixels in [0, 1] of each frame, at a quarter size."""
    mean: np.ndarray | None = None
    for frame in frames:
        size = (max(1, frame.shape[1] // 4), max(1, frame.shape[0] // 4))
        gray = cv2.GaussianBlur(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (5, 5), 0)
        if mean is None:
            mean = gray.astype(np.float64)
        cv2.accumulateWeighted(gray, mean, 0.3)
        difference = cv2.absdiff(gray, cv2.convertScaleAbs(mean))
        mask = cv2.threshold(difference, THRESHOLD, 255, cv2.THRESH_BINARY)[1]
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, KERNEL)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, KERNEL)
        yield cv2.resize(mask, size) > 127, cv2.resize(frame, size).astype(np.float64) / 255


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Sum of minima over sum of maxima; 1 where nothing moves in either."""
    union = np.maximum(a, b).sum()
    return float(np.minimum(a, b).sum() / union) if union else 1.0
