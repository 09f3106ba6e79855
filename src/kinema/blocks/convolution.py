"""Causal convolution in space and time, with a memory for streaming.

A causal convolution lets a frame see itself and earlier frames, never later ones. Before the first
frame there is nothing, so the first frame is padded against itself, and a single picture is a legal
clip (Yu et al. 2024, MAGVIT-v2, arXiv 2310.05737, section 3.2). Fed a long clip in chunks, each
convolution remembers the last frames of the chunk before, and the chunks equal the whole (Li et al.
2025, WF-VAE, arXiv 2411.17459, section 3.3).

Axes: b batch, c channels, f frames, h height, w width.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

Cache = dict[nn.Module, Tensor]
"""What each causal convolution remembers of the frames before: an empty dict starts a stream."""


class CausalConv3d(nn.Conv3d):
    """A 3-D convolution that sees no later frame; size and number of frames are kept.

    Args:
        in_channels, out_channels: as in `nn.Conv3d`.
        kernel: (frames, height, width), all odd or, for frames, any number from 1 up.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: tuple[int, int, int] = (3, 3, 3)
    ):
        padding = (0, kernel[1] // 2, kernel[2] // 2)
        super().__init__(in_channels, out_channels, kernel, padding=padding)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """b c f h w -> b c f h w; with a cache, `x` continues the chunk that was seen before it."""
        past = self.kernel_size[0] - 1
        if past:
            if cache is not None and self in cache:
                history = cache[self]
            else:
                history = x[:, :, :1].expand(-1, -1, past, -1, -1)
            x = torch.cat([history, x], dim=2)
            if cache is not None:
                cache[self] = x[:, :, -past:].clone()  # a view would keep the whole chunk alive
        return super().forward(x)


class PixelNorm(nn.Module):
    """Normalise the channels of every pixel by itself, so that no frame or tile sees another.

    b c f h w -> b c f h w with mean 0 and variance 1 over c. It has no gain: the convolution that
    follows holds it. (LayerNorm, the one norm over channels with a fused bf16 kernel on a CPU.)
    """

    def forward(self, x: Tensor) -> Tensor:
        channels_last = rearrange(x, "b c f h w -> b f h w c")
        return rearrange(
            F.layer_norm(channels_last, channels_last.shape[-1:]), "b f h w c -> b c f h w"
        )


def space_to_depth(x: Tensor, factors: tuple[int, int, int]) -> Tensor:
    """Move blocks of (frames, height, width) pixels into the channels: nothing is lost.

    b c (f r) (h p) (w q) -> b (r p q c) f h w. The sizes must be multiples of the factors.
    """
    r, p, q = factors
    return rearrange(x, "b c (f r) (h p) (w q) -> b (r p q c) f h w", r=r, p=p, q=q)


def depth_to_space(x: Tensor, factors: tuple[int, int, int]) -> Tensor:
    """The inverse of `space_to_depth`: b (r p q c) f h w -> b c (f r) (h p) (w q)."""
    r, p, q = factors
    return rearrange(x, "b (r p q c) f h w -> b c (f r) (h p) (w q)", r=r, p=p, q=q)
