"""Attention along time at each place: the same pixel of every frame, one sequence.

Ho et al. 2022 (Video Diffusion Models) put it between the layers of an image network; zero at the
way out, so that a new one changes nothing (AnimateDiff, Guo et al. 2023). Positions are rotary:
only differences of frame numbers count, and any length goes.
"""

from einops import rearrange
from torch import Tensor, nn

from kinema.blocks.attention import AttentionSpec
from kinema.blocks.cache import Cache, num_seen
from kinema.blocks.normalization import RMSNorm
from kinema.blocks.rotary import time_angles
from kinema.blocks.transformer import SelfAttention


class TemporalAttention(nn.Module):
    """x + attention(norm(x)) along time.

    Args:
        dim: features.
        num_heads: heads; `dim / num_heads` must be even.
        spec: which frames see which.
    """

    def __init__(self, dim: int, num_heads: int, spec: AttentionSpec):
        super().__init__()
        self.head_dim = dim // num_heads
        self.norm = RMSNorm(dim)
        self.attention = SelfAttention(dim, num_heads, spec, along_time=True)
        nn.init.zeros_(self.attention.out.weight)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """b f h w d -> b f h w d; with a cache, a causal one continues the frames before."""
        b, f, h, w, _ = x.shape
        first = num_seen(cache, self.attention)
        angles = time_angles(f, self.head_dim, x.device, first)
        y = rearrange(self.norm(x), "b f h w d -> (b h w) f 1 d")
        y = self.attention(y, angles, cache)
        return x + rearrange(y, "(b h w) f 1 d -> b f h w d", b=b, h=h, w=w)
