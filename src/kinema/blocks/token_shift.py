"""A locality prior without parameters: each token sees a little of its six neighbors.

A transformer must learn that neighboring patches belong together. Shifting tells it at once: an
eighth of the channels comes from the token to the left, and an eighth each from the right, above,
below, the frame before and the frame after; the last two eighths stay (after Wu et al. 2018,
"Shift: a zero FLOP alternative to convolutions", and Zhang et al. 2021, "Token shift transformer").
"""

from typing import Literal

import torch
from torch import Tensor, nn

from kinema.blocks.cache import Cache

Reach = Literal["everywhere", "past", "frame", "nowhere"]
# How many of the six moves a reach allows: left, right, up, down, from before, from after.
MOVES: dict[Reach, int] = {"everywhere": 6, "past": 5, "frame": 4, "nowhere": 0}


class TokenShift(nn.Module):
    """`token_shift` as a layer, which can remember the last frame of the chunk before."""

    def __init__(self, reach: Reach = "everywhere"):
        super().__init__()
        self.reach = reach

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """b f h w d -> b f h w d; with a cache, `x` continues the chunk that was seen before it."""
        if cache is None or self.reach != "past":
            return token_shift(x, self.reach)
        before = cache.get(self)
        cache[self] = x[:, -1:].clone()  # a view would keep the whole chunk alive
        if before is None:
            return token_shift(x, self.reach)
        return token_shift(torch.cat([before, x], dim=1), self.reach)[:, 1:]


def token_shift(x: Tensor, reach: Reach = "everywhere") -> Tensor:
    """Shift eighths of the channels of `x`, b f h w d, by one token; zeros enter at the borders.

    Args:
        x: b f h w d.
        reach: from where; with "past" the eighth of the following frame stays, so the future never
            leaks, with "frame" that of the frame before stays too, and "nowhere" changes nothing.
    """
    return Shift.apply(x, MOVES[reach], 1) if MOVES[reach] else x


class Shift(torch.autograd.Function):
    """The gradient of a shift is the opposite shift."""

    @staticmethod
    def forward(ctx, x: Tensor, num_moves: int, step: int) -> Tensor:
        ctx.num_moves, ctx.step = num_moves, step
        return shift_all(x, num_moves, step)

    @staticmethod
    def backward(ctx, grad: Tensor):
        return shift_all(grad, ctx.num_moves, -ctx.step), None, None


def shift_all(x: Tensor, num_moves: int, step: int) -> Tensor:
    """Move eighths of the channels by +-`step` along w, h and f, in that order."""
    eighth = x.shape[-1] // 8
    moves = [(3, step), (3, -step), (2, step), (2, -step), (1, step), (1, -step)]
    moves = moves[:num_moves]
    y = torch.empty_like(x)
    for i, (axis, by) in enumerate(moves):
        channels = slice(i * eighth, (i + 1) * eighth)
        move(y[..., channels], x[..., channels], axis, by)
    rest = slice(len(moves) * eighth, None)
    y[..., rest] = x[..., rest]
    return y


def move(target: Tensor, source: Tensor, axis: int, by: int) -> None:
    """target[i] = source[i - by] along `axis` for by = +-1, zero where there is no such i."""
    length = source.shape[axis]
    to, border = (1, 0) if by > 0 else (0, length - 1)
    target.narrow(axis, to, length - 1).copy_(source.narrow(axis, 1 - to, length - 1))
    target.select(axis, border).zero_()
