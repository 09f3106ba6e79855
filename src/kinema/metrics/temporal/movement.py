"""How much moves: every score of consistency is best for a clip that does not."""

from dataclasses import dataclass

import numpy as np

from kinema.motion import Flow, FlowMethod, optical_flow

TOP_SHARE = 0.05  # VBench's dynamic degree looks at the fastest 5 % of the pixels


@dataclass(frozen=True)
class MotionMagnitude:
    """Speed in pixels per frame."""

    mean: float  # over all pixels; small where a small object moves before a still background
    top: float  # mean over the fastest 5 % of the pixels of each pair of frames


def motion_magnitude(
    frames: np.ndarray, flow: Flow | None = None, method: FlowMethod | None = None
) -> MotionMagnitude:
    """Average the length of the forward flow, and that of its fastest part; 0 if frozen.

    The flow of the frames, uint8 (f h w 3), is estimated where the exact motion is not given.
    """
    flow = flow or optical_flow(frames, method)
    if not len(flow.forward):
        return MotionMagnitude(0.0, 0.0)
    speed = np.sort(np.linalg.norm(flow.forward, axis=-1).reshape(len(flow.forward), -1), axis=1)
    fastest = max(1, int(speed.shape[1] * TOP_SHARE))
    return MotionMagnitude(float(speed.mean()), float(speed[:, -fastest:].mean()))
