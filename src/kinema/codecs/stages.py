"""What a causal video VAE is made of: residual blocks, steps between sizes, a last touch.

The first and last step is a linear codec of blocks of pixels: their lowest cosines, or the
principal components of clips.

Every module takes b f h w d and, in a stream, the cache of what its convolutions saw before.
"""

import math
from collections.abc import Iterable
from math import prod

import torch
import torch.nn.functional as F
from einops import einsum, rearrange
from torch import Tensor, nn

from kinema.blocks.cache import Cache
from kinema.blocks.convolution import Conv3d, depth_to_space, space_to_depth
from kinema.errors import UserError


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


LARGEST_BLOCK = 4_096  # values: the covariance of larger blocks takes gigabytes


class LinearCodec(nn.Module):
    """Blocks of pixels <-> `channels` coordinates in an orthonormal basis, scaled to about 1.

    The factors are frames, rows and columns of a block. The basis is part of the weights if it is
    going to be `fitted`.
    """

    def __init__(self, factors: tuple[int, int, int], channels: int, fitted: bool = False):
        super().__init__()
        self.factors = factors
        basis = cosine_basis(factors, channels)  # c (r p q 3)
        scale = torch.full((channels,), 0.5 * prod(factors) ** 0.5)
        self.register_buffer("basis", basis, persistent=fitted)
        self.register_buffer("scale", scale, persistent=fitted)

    def encode(self, blocks: Tensor) -> Tensor:
        """b (f r) (h p) (w q) 3 -> b f h w c, in fp32 always."""
        x = space_to_depth(blocks, self.factors).float()  # b f h w (r p q 3)
        with torch.autocast(x.device.type, enabled=False):
            return x @ self.basis.float().t() / self.scale

    def decode(self, latents: Tensor) -> Tensor:
        """b f h w c -> b (f r) (h p) (w q) 3: the nearest blocks with these coordinates."""
        with torch.autocast(latents.device.type, enabled=False):
            x = (latents.float() * self.scale) @ self.basis.float()
        return depth_to_space(x, self.factors)

    @torch.no_grad()
    def fit(self, clips: Iterable[Tensor]) -> None:
        """Take the principal components of clips, each scaled by its standard deviation.

        The clips are batches of whole blocks, b (f r) (h p) (w q) 3.

        Raises:
            UserError: if there are none.
        """
        count, moments = 0, torch.zeros(self.basis.shape[1], self.basis.shape[1]).to(self.basis)
        for blocks in clips:
            x = space_to_depth(blocks, self.factors).flatten(0, -2).float()
            count, moments = count + len(x), moments + x.t() @ x
        if not count:
            raise UserError("A linear codec was given no clips to fit: give at least one batch.")
        energies, directions = torch.linalg.eigh((moments / count).double())  # ascending
        channels = len(self.basis)
        self.basis.copy_(directions[:, -channels:].flip(1).t())
        self.scale.copy_(energies[-channels:].flip(0).clamp_min(1e-8).sqrt())


# Luma and two opponent colors, orthonormal: natural colors vary mostly along the first.
COLORS = torch.nn.functional.normalize(
    torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [-0.5, 1.0, -0.5]])
)
OPPONENT_COST = 0.3  # how far up in frequency luma is worth more than a color's first variation


def cosine_basis(factors: tuple[int, int, int], channels: int) -> Tensor:
    """Orthonormal rows: the `channels` lowest frequencies of a block of frames, rows and columns.

    The means of the three colors come first, then cosines by frequency, luma before color.

    Returns:
        (channels, frames * rows * columns * 3), the columns in the order of `space_to_depth`.
    """
    r, p, q = factors
    assert 1 <= channels <= 3 * r * p * q, f"a block of {factors} has no {channels} frequencies"
    late = frequencies(factors)
    order = late.flatten().argsort(stable=True)[:channels]
    i, j, k, l = torch.unravel_index(order, late.shape)
    over_frames, over_rows, over_columns = map(cosines, factors)
    rows = einsum(
        over_frames[i], over_rows[j], over_columns[k], COLORS[l], "n r, n p, n q, n c -> n r p q c"
    )
    return rearrange(rows, "n r p q c -> n (r p q c)")


def cosines(n: int) -> Tensor:
    """The orthonormal DCT-II of length n: row k is cos(pi (i + 1/2) k / n); (n, n)."""
    i, k = torch.arange(n), torch.arange(n)[:, None]
    rows = torch.cos(math.pi * (i + 0.5) * k / n) * math.sqrt(2 / n)
    rows[0] /= math.sqrt(2)
    return rows


def frequencies(factors: tuple[int, int, int]) -> Tensor:
    """How late each cosine comes, (frames, rows, columns, 3 colors); the means come first."""
    r, p, q = (torch.arange(n) / n for n in factors)
    late = r[:, None, None, None] + p[:, None, None] + q[:, None] + torch.zeros(3)
    late[..., 1:] += OPPONENT_COST
    late[0, 0, 0] = torch.tensor([-3.0, -2.0, -1.0])
    return late
