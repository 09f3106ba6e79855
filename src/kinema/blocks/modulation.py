"""Adaptive normalization, one vector a frame (adaLN-zero: Peebles & Xie 2023, DiT, section 3.2).

The vectors come from the frame's own time, so they are (b, f, 1, d) against tokens (b, f, n, d).
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def norm(x: Tensor) -> Tensor:
    """Layer normalization over the last axis, without parameters."""
    return F.layer_norm(x, x.shape[-1:], eps=1e-6)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """norm(x) (1 + scale) + shift."""
    return torch.addcmul(shift, norm(x), 1 + scale)


def gated(x: Tensor, gate: Tensor, branch: Tensor) -> Tensor:
    """The residual sum x + gate * branch; a zero gate leaves x as it is."""
    return torch.addcmul(x, gate, branch)
