"""Rotary positions in time, height and width (Su et al. 2021, RoFormer; axial as in HDiT, Wan).

A head's channels are pairs; a pair is a point of the plane, turned by an angle that grows with the
token's position. Attention then sees only differences of positions, so any size and length goes.
A quarter of the pairs turns with the frame, the rest in equal parts with the row and the column.
"""

import torch
from torch import Tensor

# The slowest pair turns once in 2 pi 100 tokens: latents are tens of tokens long, not thousands.
BASE = 100.0


def rotary_angles(
    grid: tuple[int, int, int],
    head_dim: int,
    device: torch.device | None = None,
    first_frame: int = 0,
) -> Tensor:
    """Angles of every token of a (f, h, w) grid in raster order: (f h w, head_dim / 2), fp32.

    `head_dim` must be even and at least 6, so that every axis has a pair. In a stream,
    `first_frame` is the number of the grid's first frame.
    """
    pairs = head_dim // 2
    along_space = (pairs - pairs // 4) // 2
    counts = (pairs - 2 * along_space, along_space, along_space)
    angles = []
    for axis, (length, count) in enumerate(zip(grid, counts, strict=True)):
        frequencies = BASE ** -(torch.arange(count, device=device) / count)
        first = first_frame if axis == 0 else 0
        turned = torch.arange(first, first + length, device=device)[:, None] * frequencies
        shape = [1, 1, 1, count]
        shape[axis] = length
        angles.append(turned.view(shape).expand(*grid, count))
    return torch.cat(angles, dim=-1).flatten(0, 2)


def time_angles(
    num_frames: int, head_dim: int, device: torch.device | None = None, first_frame: int = 0
) -> Tensor:
    """Angles where only time counts, all pairs turning with the frame: (f, head_dim / 2), fp32."""
    pairs = head_dim // 2
    frequencies = BASE ** -(torch.arange(pairs, device=device) / pairs)
    frames = torch.arange(first_frame, first_frame + num_frames, device=device)
    return frames[:, None] * frequencies


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Turn the pairs (i, i + d/2) of the last axis of `x`, (..., n, d), by `angles`, (n, d/2)."""
    return Rotation.apply(x, angles.cos().to(x.dtype), angles.sin().to(x.dtype))


class Rotation(torch.autograd.Function):
    """y = R x in four half-width passes; the gradient is the opposite turn, R^T dy."""

    @staticmethod
    def forward(ctx, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return turn(x, cos, sin)

    @staticmethod
    def backward(ctx, grad: Tensor):
        cos, sin = ctx.saved_tensors
        return turn(grad, cos, -sin), None, None


def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """The plane rotation (x1 cos - x2 sin, x1 sin + x2 cos) of the two halves of the channels."""
    x1, x2 = x.chunk(2, dim=-1)
    y = torch.empty_like(x)
    y1, y2 = y.chunk(2, dim=-1)
    torch.mul(x1, cos, out=y1).addcmul_(x2, sin, value=-1)
    torch.mul(x1, sin, out=y2).addcmul_(x2, cos)
    return y
