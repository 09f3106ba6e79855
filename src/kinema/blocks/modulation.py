"""Adaptive normalisation, one vector a frame (adaLN-zero: Peebles & Xie 2023, DiT, section 3.2).

The vectors come from the frame's own time, so they are (b, f, 1, d) against tokens (b, f, n, d).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """norm(x) (1 + scale) + shift, where `norm` has no parameters of its own."""
    normed = F.layer_norm(x, x.shape[-1:], eps=1e-6)
    return torch.addcmul(shift, normed, 1 + scale)


def gated(x: Tensor, gate: Tensor, branch: Tensor) -> Tensor:
    """The residual sum x + gate * branch; a zero gate leaves x as it is."""
    return torch.addcmul(x, gate, branch)


class RMSNorm(nn.Module):
    """x / rms(x) * gain over the last axis (Zhang & Sennrich 2019).

    The gain is cast to the type of `x`: with another type the fused kernel is left.
    """

    def __init__(self, dim: int):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, x.shape[-1:], self.gain.to(x.dtype), eps=1e-6)
