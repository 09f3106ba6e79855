"""A locality prior without parameters: each token sees a little of its six neighbours.

A transformer must learn that neighbouring patches belong together. Shifting tells it at once: an
eighth of the channels comes from the token to the left, and an eighth each from the right, above,
below, the frame before and the frame after; the last two eighths stay (after Wu et al. 2018,
"Shift: a zero FLOP alternative to convolutions", and Zhang et al. 2021, "Token shift transformer").
"""

import torch
from torch import Tensor


def token_shift(x: Tensor, causal: bool = False) -> Tensor:
    """Shift eighths of the channels of `x`, b f h w d, by one token; zeros enter at the borders.

    With `causal` the eighth of the following frame stays too, so the future never leaks.
    """
    return TokenShift.apply(x, causal, 1)


class TokenShift(torch.autograd.Function):
    """The gradient of a shift is the opposite shift."""

    @staticmethod
    def forward(ctx, x: Tensor, causal: bool, step: int) -> Tensor:
        ctx.causal, ctx.step = causal, step
        return shift_all(x, causal, step)

    @staticmethod
    def backward(ctx, grad: Tensor):
        return shift_all(grad, ctx.causal, -ctx.step), None, None


def shift_all(x: Tensor, causal: bool, step: int) -> Tensor:
    """Move the six eighths of the channels by +-`step` along w, h and f, in that order."""
    eighth = x.shape[-1] // 8
    moves = [(3, step), (3, -step), (2, step), (2, -step), (1, step), (1, -step)]
    moves = moves[:5] if causal else moves
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
