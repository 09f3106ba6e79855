"""RMS normalization, x / rms(x) * gain over the last axis (Zhang & Sennrich 2019).

On a CPU torch composes it from a dozen passes in fp32, forward and backward; here it is three
passes and seven, in the type of `x`, with the norm itself summed in fp32.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-6


class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + 1e-6) * gain; the gain is learned and starts at one."""

    def __init__(self, dim: int):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        # Cast the gain: with another type than x the fused kernels are left.
        gain = self.gain.to(x.dtype)
        if x.device.type == "cpu":
            return FusedRMSNorm.apply(x, gain)
        return F.rms_norm(x, x.shape[-1:], gain, eps=EPS)


class FusedRMSNorm(torch.autograd.Function):
    """y = n g with n = x r and r = 1 / rms(x)."""

    @staticmethod
    def forward(ctx, x: Tensor, gain: Tensor) -> Tensor:
        wide = torch.promote_types(x.dtype, torch.float32)
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=wide)
        r = torch.rsqrt(norm.square() / x.shape[-1] + EPS).to(x.dtype)
        ctx.save_for_backward(x, r, gain)
        return (x * r).mul_(gain)

    @staticmethod
    def backward(ctx, grad: Tensor):
        # dx = r (g dy - n mean(n g dy)),  dg = sum over all rows of n dy
        x, r, gain = ctx.saved_tensors
        n = x * r
        n_grad = n * grad
        d_gain = n_grad.flatten(0, -2).sum(0)
        mean = (n_grad @ gain[:, None]) / x.shape[-1]
        dx = torch.addcmul(grad * gain, n, mean, value=-1).mul_(r)
        return dx, d_gain
