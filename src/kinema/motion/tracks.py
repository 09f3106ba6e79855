"""Long tracks: points carried along dense flow from frame to frame, until they cannot be trusted.

Chaining small steps is how particle video (Sand and Teller 2006) and dense point trajectories
(Sundaram et al. 2010) follow a point over many frames. A step is trusted when the backward flow
leads back to where it began; a point that fails once is lost for good.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from kinema.motion.flow import Flow
from kinema.motion.warp import leads_back


@dataclass(frozen=True)
class Tracks:
    """Positions of n points over f frames."""

    points: np.ndarray  # (f n 2) float32, (x, y) in pixels; meaningless where not `visible`
    visible: np.ndarray  # (f n) bool; once False, False until the end


def grid_points(size: tuple[int, int], step: int = 8) -> np.ndarray:
    """Lay points (rows columns 2) float32 on a grid of `step` pixels, half a step inside."""
    h, w = size
    x, y = np.meshgrid(np.arange(step // 2, w, step), np.arange(step // 2, h, step))
    return np.stack([x, y], axis=-1).astype(np.float32)


def follow(flow: Flow, points: np.ndarray, start: int = 0, stop: int | None = None) -> Tracks:
    """Carry points (n 2) through the frames start..stop of a clip, to its end if None."""
    stop = len(flow.forward) + 1 if stop is None else stop
    h, w = flow.forward.shape[1:3]
    positions, visible = [points.astype(np.float32)], [np.ones(len(points), bool)]
    for ahead, back in zip(flow.forward[start : stop - 1], flow.backward[start:], strict=False):
        here = positions[-1]
        step = sample(ahead, here)
        there = here + step
        returned = sample(back, there)
        inside = (there >= 0).all(-1) & (there[:, 0] <= w - 1) & (there[:, 1] <= h - 1)
        positions.append(there)
        visible.append(visible[-1] & inside & leads_back(step, returned))
    return Tracks(np.stack(positions), np.stack(visible))


def sample(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Read image (h w c) at points (n 2) bilinearly, clamped to the border; (n c) float32."""
    if not len(points):  # remap refuses empty maps
        return np.zeros((0, image[0, 0].size), np.float32)
    x, y = (np.ascontiguousarray(points[None, :, axis], np.float32) for axis in (0, 1))
    values = [
        cv2.remap(image, x[:, i : i + 32000], y[:, i : i + 32000], cv2.INTER_LINEAR,
                  borderMode=cv2.BORDER_REPLICATE)
        for i in range(0, x.shape[1], 32000)
    ]  # fmt: skip  # remap's destination is limited to 2^15 columns
    return np.concatenate(values, axis=1).reshape(len(points), -1).astype(np.float32)
