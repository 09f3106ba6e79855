"""What a causal video VAE is made of: residual blocks, steps between sizes, a last touch.

Every module takes b c f h w and, in a stream, the cache of what its convolutions saw before.
"""

from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinema.blocks.convolution import (
    Cache,
    CausalConv3d,
    PixelNorm,
    depth_to_space,
    space_to_depth,
)


class ResidualBlock(nn.Module):
    """x + conv in time(silu(conv in space(norm(x)))); starts as the identity, its end at zero."""

    def __init__(self, dim: int, frames: int = 3):
        super().__init__()
        self.norm = PixelNorm()
        self.conv_in = CausalConv3d(dim, dim, kernel=(1, 3, 3))
        self.conv_out = CausalConv3d(dim, dim, kernel=(frames, 1, 1))

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        y = self.conv_in(self.norm(x), cache)
        return x + self.conv_out(F.silu(y), cache)


class Down(nn.Module):
    """Halve height and width: 2 x 2 pixels become channels, then a linear map."""

    def __init__(self, dim_in: int, dim_out: int):
        super().__init__()
        self.linear = CausalConv3d(4 * dim_in, dim_out, kernel=(1, 1, 1))

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        return self.linear(space_to_depth(x, (1, 2, 2)))


class Up(nn.Module):
    """Double height and width: a linear map, then channels become 2 x 2 pixels."""

    def __init__(self, dim_in: int, dim_out: int):
        super().__init__()
        self.linear = CausalConv3d(dim_in, 4 * dim_out, kernel=(1, 1, 1))

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        return depth_to_space(self.linear(x), (1, 2, 2))


class Chain(nn.ModuleList):
    """Modules one after the other, all with the same cache."""

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        for module in self:
            x = module(x, cache)
        return x


class Refiner(nn.Module):
    """Touch up frames with what the frames before them and their surroundings show.

    The decoder draws the frames of a latent at once, at the latents' rate, which is fast and makes
    soft outlines of what moves. Here every frame is a step of its own. Starts as the identity.
    """

    def __init__(self, fold: tuple[int, int], width: int, depth: int, frames: int):
        super().__init__()
        self.fold = (1, *fold)
        pixels = 3 * prod(fold)
        self.conv_in = CausalConv3d(pixels, width, kernel=(1, 3, 3))
        self.blocks = Chain(ResidualBlock(width, frames) for _ in range(depth))
        self.conv_out = CausalConv3d(width, pixels, kernel=(1, 3, 3))

    def forward(self, frames: Tensor, cache: Cache | None = None) -> Tensor:
        # frames: b 3 f h w
        x = space_to_depth(frames, self.fold)  # b (p q c) f h/4 w/4
        x = x.to(self.conv_in.weight.dtype, memory_format=torch.channels_last_3d)
        x = self.conv_in(x, cache)
        x = self.blocks(x, cache)  # b d f h/4 w/4
        x = self.conv_out(x, cache)  # b (p q c) f h/4 w/4
        return frames + depth_to_space(x.float(), self.fold)
