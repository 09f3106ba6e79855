"""What a causal video VAE is made of: residual blocks, steps between sizes, a last touch.

Every module takes b f h w d and, in a stream, the cache of what its convolutions saw before.
"""

from math import prod

import torch.nn.functional as F
from torch import Tensor, nn

from kinema.blocks.cache import Cache
from kinema.blocks.convolution import Conv3d
from kinema.blocks.folding import depth_to_space, space_to_depth


def pixel_norm(x: Tensor) -> Tensor:
    """Normalize the features of every pixel by itself: no frame and no tile sees another.

    b f h w d -> b f h w d with mean 0 and variance 1 over d. It has no gain: the convolution that
    follows holds it. (LayerNorm is the one norm of features with a fused bf16 kernel on a CPU.)
    """
    return F.layer_norm(x, x.shape[-1:])


class ResidualBlock(nn.Module):
    """x + conv in time(silu(conv in space(norm(x)))); starts as the identity, its end at zero."""

    def __init__(self, dim: int, frames: int = 3):
        super().__init__()
        self.conv_in = Conv3d(dim, dim, kernel=(1, 3, 3))
        self.conv_out = Conv3d(dim, dim, kernel=(frames, 1, 1))

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        y = self.conv_in(pixel_norm(x), cache)
        return x + self.conv_out(F.silu(y), cache)


class Down(nn.Module):
    """Halve height and width: 2 x 2 pixels become features, then a linear map."""

    def __init__(self, dim_in: int, dim_out: int):
        super().__init__()
        self.linear = Conv3d(4 * dim_in, dim_out, kernel=(1, 1, 1))

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        return self.linear(space_to_depth(x, (1, 2, 2)))


class Up(nn.Module):
    """Double height and width: a linear map, then features become 2 x 2 pixels."""

    def __init__(self, dim_in: int, dim_out: int):
        super().__init__()
        self.linear = Conv3d(dim_in, 4 * dim_out, kernel=(1, 1, 1))

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
        self.conv_in = Conv3d(pixels, width, kernel=(1, 3, 3))
        self.blocks = Chain(ResidualBlock(width, frames) for _ in range(depth))
        self.conv_out = Conv3d(width, pixels, kernel=(1, 3, 3))

    def forward(self, frames: Tensor, cache: Cache | None = None) -> Tensor:
        # frames: b f h w 3
        x = space_to_depth(frames, self.fold)  # b f h/4 w/4 (p q 3)
        x = self.conv_in(x.to(self.conv_in.weight.dtype), cache)
        x = self.blocks(x, cache)  # b f h/4 w/4 d
        x = self.conv_out(x, cache)  # b f h/4 w/4 (p q 3)
        return frames + depth_to_space(x.float(), self.fold)
