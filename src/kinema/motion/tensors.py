"""Frames as bytes, uint8 `f h w c`, <-> frames as numbers, float `c f h w` in [-1, 1].

Other libraries put frames first, `f c h w`: name that as `layout`. A leading batch axis is kept.
"""

import numpy as np
import torch
from einops import rearrange
from torch import Tensor


def to_tensor(frames: np.ndarray, layout: str = "c f h w") -> Tensor:
    """Turn frames, uint8 (f h w 3) or (n f h w 3), into float32 in [-1, 1]; 255 becomes 1.

    layout: the order of the axes wanted: "c f h w" (kinema) or "f c h w" (torchvision).
    """
    assert frames.dtype == np.uint8, f"frames are uint8, not {frames.dtype}"
    x = torch.from_numpy(np.ascontiguousarray(frames))
    x = rearrange(x, f"... f h w c -> ... {layout}")
    return x.to(torch.float32) / 127.5 - 1


def to_frames(x: Tensor, layout: str = "c f h w") -> np.ndarray:
    """Turn a tensor into frames: the inverse of `to_tensor`, with values clipped and rounded."""
    x = (x.detach().to(torch.float32).clamp(-1, 1) + 1) * 127.5
    x = rearrange(x.round().to(torch.uint8), f"... {layout} -> ... f h w c")
    return x.cpu().contiguous().numpy()
