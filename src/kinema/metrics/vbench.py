"""Two numbers of VBench (Huang et al. 2024), by VBench's own definitions.

Kept so that tables can be compared; neither is used for a verdict. Temporal flickering is best
for a frozen clip, and VBench itself says to filter static videos by the dynamic degree.
"""

import numpy as np

from kinema.metrics.evidence import Evidence, observe, top_speed
from kinema.motion import Flow


def temporal_flickering(frames: np.ndarray) -> float:
    """(255 - mean absolute difference of neighbouring frames) / 255, [0, 1]; higher is steadier.

    Computed on the frames as they are given, all channels, the mean over pairs of the pair means.
    A frozen clip, and a single frame, score 1.

    Args:
        frames: uint8 (f h w 3).
    """
    pairs = zip(frames[:-1], frames[1:], strict=True)
    means = [np.abs(a.astype(np.int16) - b).mean() for a, b in pairs]
    return float((255 - (np.mean(means) if means else 0.0)) / 255)


def is_dynamic(flow: Flow) -> bool:
    """VBench's rule for one clip: enough pairs of frames with enough motion.

    A pair moves if the mean of its fastest 5 % of pixels exceeds 6 min(h, w) / 256 pixels; the
    clip is dynamic if at least round(4 f / 16) of its f frames do.

    Args:
        flow: between frames thinned to about 8 per second; only `forward` is read. VBench takes
            it from RAFT.
    """
    fast = top_speed(flow) > 6 * min(flow.forward.shape[1:3]) / 256
    return int(fast.sum()) >= round(4 * (len(fast) + 1) / 16)


def dynamic_degree(frames: np.ndarray | Evidence, fps: float = 8.0) -> float:
    """1.0 if the clip is dynamic by VBench's rule, else 0.0; DIS flow at the working size.

    Every round(fps / 8)-th frame is looked at. The threshold is proportional to the frame size, so
    the working size changes nothing but the flow's own error.

    Args:
        frames: uint8 (f h w 3), or Evidence, whose own rate counts.
        fps: frames per second.
    """
    evidence = observe(frames, fps)
    step = max(1, round(evidence.fps / 8))
    thinned = observe(evidence.frames[::step], evidence.fps) if step > 1 else evidence
    return float(is_dynamic(thinned.flow))
