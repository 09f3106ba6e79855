"""The motion module of AnimateDiff (Guo et al. 2023, arXiv 2307.04725, section 4.2).

A transformer along time at each place, as published weights want it: group norm over the clip,
learned projections in and out, two self-attentions and a gated MLP a layer, sinusoidal positions.
For a network of one's own, `TemporalAttention` is smaller and takes any length.

Axes: b batch, f frames, h w places, n = b h w sequences, d features, k heads.
"""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from kinema.blocks.attention import attend
from kinema.blocks.cache import Cache
from kinema.errors import UserError


class PlainAttention(nn.Module):
    """Self-attention with a bias on the way out only, n f d -> n f d."""

    def __init__(self, dim: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.q, self.k, self.v = (nn.Linear(dim, dim, bias=False) for _ in "qkv")
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        heads = (rearrange(m(x), "n f (k d) -> n k f d", k=self.num_heads) for m in self.qkv)
        return self.out(rearrange(attend(*heads), "n k f d -> n f (k d)"))

    @property
    def qkv(self) -> tuple[nn.Module, nn.Module, nn.Module]:
        return self.q, self.k, self.v


class MotionLayer(nn.Module):
    """Twice self-attention with positions, then an MLP gated by GELU; n f d -> n f d."""

    def __init__(self, dim: int, num_heads: int):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(dim) for _ in range(3))
        self.attention1, self.attention2 = (PlainAttention(dim, num_heads) for _ in range(2))
        self.up, self.down = nn.Linear(dim, 8 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        x = x + self.attention1(self.norm1(x) + positions)
        x = x + self.attention2(self.norm2(x) + positions)
        values, gates = self.up(self.norm3(x)).chunk(2, dim=-1)
        return x + self.down(values * F.gelu(gates))


class MotionModule(nn.Module):
    """x + out(layers(in(norm(x)))) along time; a new one is the identity.

    Args:
        dim: features; a multiple of `num_heads` and of `num_groups`.
        num_heads: attention heads.
        num_layers: transformer layers.
        max_frames: the longest clip.
        num_groups: of the group norm.
    """

    def __init__(self, dim: int, num_heads: int, num_layers: int, max_frames: int, num_groups: int):
        super().__init__()
        for name, count in {"num_heads": num_heads, "num_groups": num_groups}.items():
            if dim % count:
                raise UserError(f"A motion module: {name} is {count}, and must divide {dim}.")
        self.max_frames = max_frames
        self.norm = nn.GroupNorm(num_groups, dim, eps=1e-6)
        self.proj_in = nn.Linear(dim, dim)
        self.layers = nn.ModuleList(MotionLayer(dim, num_heads) for _ in range(num_layers))
        self.proj_out = nn.Linear(dim, dim)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """b f h w d -> b f h w d, at most `max_frames` frames at once.

        Raises:
            UserError: for a longer clip, or a cache: its norm sees the whole clip.
        """
        b, f, h, w, dim = x.shape
        if f > self.max_frames or cache is not None:
            raise UserError(
                f"This motion module takes clips of at most {self.max_frames} frames, whole: "
                f"it was fed {f}{' of a stream' if cache is not None else ''}."
            )
        # Contiguous: torch 2.13 crashes in the backward of a group norm with features last in 5-D
        y = self.norm(rearrange(x, "b f h w d -> b d f h w").contiguous())
        y = self.proj_in(rearrange(y, "b d f h w -> (b h w) f d"))
        positions = sinusoidal_positions(f, dim, x.device).to(x.dtype)
        for layer in self.layers:
            y = layer(y, positions)
        return x + rearrange(self.proj_out(y), "(b h w) f d -> b f h w d", b=b, h=h, w=w)


def sinusoidal_positions(length: int, dim: int, device: torch.device | None = None) -> Tensor:
    """Sines and cosines in turn (Vaswani et al. 2017, section 3.5): (length, dim), fp32."""
    frequencies = torch.exp(-math.log(1e4) * torch.arange(0, dim, 2, device=device) / dim)
    angles = torch.arange(length, device=device)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :dim]
