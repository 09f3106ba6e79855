"""The best linear codec that needs no training: the lowest cosine frequencies of a block.

Cosines of low frequency carry most of a natural block's variance (Ahmed, Natarajan and Rao 1974).
They are where a learned codec starts from, and the baseline that it has to beat.
"""

import math

import torch
from einops import einsum, rearrange
from torch import Tensor

# Luma and two opponent colors, orthonormal: natural colors vary mostly along the first.
COLORS = torch.nn.functional.normalize(
    torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [-0.5, 1.0, -0.5]])
)
OPPONENT_COST = 0.3  # how far up in frequency luma is worth more than a color's first variation


def cosine_basis(factors: tuple[int, int, int], channels: int) -> Tensor:
    """Orthonormal rows: the `channels` lowest frequencies of a block of pixels.

    The means of the three colors come first, then cosines by frequency, luma before color.

    Args:
        factors: frames, rows and columns of the block.
        channels: how many rows, at most 3 times the pixels of the block.

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
