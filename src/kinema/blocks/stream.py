"""What attention remembers of a stream, so that a clip fed in parts equals the clip fed whole.

A cache is a dict from modules to what they remember; an empty one starts a stream. Its values are
replaced, never changed in place: whoever passes `dict(cache)` looks without being remembered, as
the steps of a sampler do before a frame is finished.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kinema.blocks.attention import AttentionSpec, Causal
from kinema.errors import UserError

Cache = dict[nn.Module, Any]


@dataclass(frozen=True)
class Past:
    """Keys and values of the frames that later frames may still see.

    Attributes:
        k, v: b k f n d.
        frames: the numbers of these f frames.
        num_seen: frames fed so far.
    """

    k: Tensor
    v: Tensor
    frames: tuple[int, ...]
    num_seen: int


def num_seen(cache: Cache | None, module: nn.Module) -> int:
    """Frames that `module` has been fed in this stream."""
    return cache[module].num_seen if cache is not None and module in cache else 0


def remember(
    cache: Cache, module: nn.Module, k: Tensor, v: Tensor, spec: AttentionSpec
) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Put the keys and values of new frames behind those of the past.

    Returns:
        keys and values b k f n d of all frames that may be seen, and the numbers of these frames.

    Raises:
        UserError: if `spec` sees the future, or a chunk is not fed whole.
    """
    if not spec.causal:
        raise UserError(f"{spec} sees later frames, so it cannot stream: make it causal.")
    first = num_seen(cache, module)
    if isinstance(spec, Causal) and first % spec.chunk:
        raise UserError(f"{spec} streams whole chunks, and was fed {first} frames before these.")
    frames = tuple(range(first, first + k.shape[2]))
    if module in cache:
        past = cache[module]
        k, v = torch.cat([past.k, k], dim=2), torch.cat([past.v, v], dim=2)
        frames = past.frames + frames
    # No later frame sees a past one that the next frame does not see
    following = frames[-1] + 1
    kept = np.flatnonzero(spec.sees(np.array(following), np.array(frames))).tolist()
    numbers = tuple(frames[i] for i in kept)
    cache[module] = Past(k[:, :, kept], v[:, :, kept], numbers, following)
    return k, v, frames
