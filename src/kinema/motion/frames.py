"""A torch flow estimator on uint8 frames: resize, estimate, and bring the flow back to size."""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from kinema.motion.tensors import to_tensor


def on_frames(
    estimate: Callable[[Tensor, Tensor], Tensor],
    a: np.ndarray,
    b: np.ndarray,
    short_side: int | None = None,
    device: str = "cpu",
) -> np.ndarray:
    """Estimate flow (h w 2) float32 from frame a to frame b, uint8 (h w 3), in their pixels.

    `estimate` maps pictures 1 3 h w in [-1, 1], of which the shorter side is resized to
    `short_side`, to flow 1 2 h w.
    """
    h, w = a.shape[:2]
    scale = 1 if short_side is None else short_side / min(h, w)
    size = (round(w * scale), round(h * scale))
    with torch.no_grad():
        flow = estimate(*(picture(frame, size).to(device) for frame in (a, b)))
    moved = cv2.resize(rearrange(flow[0].cpu(), "c h w -> h w c").numpy(), (w, h))
    return moved * np.array([w / size[0], h / size[1]], np.float32)


def picture(frame: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Resize a uint8 frame (h w 3) to `size`, (w, h), and convert it to 1 3 h w in [-1, 1]."""
    method = cv2.INTER_AREA if size[0] < frame.shape[1] else cv2.INTER_CUBIC
    small = cv2.resize(frame, size, interpolation=method)
    return to_tensor(small[None], "f c h w")
