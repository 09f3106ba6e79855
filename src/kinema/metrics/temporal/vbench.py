"""Two numbers of VBench (Huang et al. 2024), by VBench's own definitions.

Kept so that tables can be compared; neither is used for a verdict. Temporal flickering is best
for a frozen clip, and VBench itself says to filter static videos by the dynamic degree.
"""

import numpy as np

from kinema.metrics.evidence import Evidence, observe, top_speed
from kinema.motion import Flow, FlowMethod, optical_flow


def temporal_flickering(frames: np.ndarray) -> float:
    """(255 - mean absolute difference of neighboring frames) / 255, [0, 1]; higher is steadier.

    Computed on the frames as they are given, uint8 (f h w 3), all channels, the mean over pairs of
    the pair means. A frozen clip, and a single frame, score 1.
    """
    pairs = zip(frames[:-1], frames[1:], strict=True)
    means = [np.abs(a.astype(np.int16) - b).mean() for a, b in pairs]
    return float((255 - (np.mean(means) if means else 0.0)) / 255)


def is_dynamic(flow: Flow, fps: float = 8.0) -> bool:
    """Apply VBench's rule to one clip: enough pairs of frames with enough motion.

    A pair moves if the mean of its fastest 5 % of pixels exceeds 6 min(h, w) / 256 pixels, more by
    8 / fps below 8 frames per second; the clip is dynamic if round(4 f / 16) of its f frames do.
    The flow is between frames thinned to about 8 per second, at the frames' own size.
    """
    threshold = max(1.0, 8 / fps) * 6 * min(flow.forward.shape[1:3]) / 256
    fast = top_speed(flow) > threshold
    return len(fast) > 0 and int(fast.sum()) >= round(4 * (len(fast) + 1) / 16)


def dynamic_degree(
    frames: np.ndarray | Evidence, fps: float = 8.0, method: FlowMethod | None = None
) -> float:
    """Return 1.0 if the clip is dynamic by VBench's rule, else 0.0.

    Every round(fps / 8)-th frame is looked at; the rate of Evidence is its own. The threshold is
    proportional to the frame size, so the working size changes nothing but the flow's own error.
    VBench's own numbers need the flow of RAFT; DIS at the working size unless given.
    """
    if isinstance(frames, Evidence):
        fps, frames = frames.fps, frames.frames
    thinned = frames[:: max(1, round(fps / 8))]
    flow = observe(thinned, fps).flow if method is None else optical_flow(thinned, method)
    return float(is_dynamic(flow, fps))
