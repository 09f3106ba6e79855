"""The memory of a causal network: keys and values of the past, instead of the past itself.

A chunk then costs its own frames, however many came before (CausVid, Yin et al. 2024;
Self-Forcing, Huang et al. 2025).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from kinema.blocks.cache import Cache, Unpruned, keep, packed, unpacked
from kinema.denoisers import Denoiser
from kinema.errors import UserError
from kinema.sampling.denoise import Denoise, in_one_call
from kinema.sampling.guidance import Contrast
from kinema.sampling.solvers import DenoiseFn


class Cached:
    """A `Memory` that holds what the layers of a causal network keep of a stream.

    Until frames are dropped, it denoises as `Recomputed` does, to 1e-5. Then the two differ: what
    is kept of a frame was computed when the dropped ones were seen, and under the prompt of that
    time, so it still tells of both. The positions are the same. Where a frame's keys depend on
    that frame alone (one layer, without token shift), the two stay equal after dropping as well.

    Args:
        denoise: a `Denoise` of a causal network, or the guidance of two that differ in nothing but
            their conditions: both have a cache then, as rows of one.

    Raises:
        UserError: if the network sees frames to come, or guidance is of another kind.
    """

    def __init__(self, denoise: DenoiseFn) -> None:
        self._guidance = denoise if isinstance(denoise, Contrast) else None
        asked: DenoiseFn | None = denoise
        if self._guidance is not None:
            asked = in_one_call([self._guidance.cond, self._guidance.uncond])
        if not isinstance(asked, Denoise):
            raise UserError(
                "Only a network, or guidance between two conditions of one network, can be "
                "cached: take another guidance or strategy, or leave `cached` off."
            )
        self._asked, self._network = asked, causal(asked.network)
        self._cache = Unpruned()

    def denoise(self, x: Tensor, t: Tensor) -> Tensor:
        """x0 of the frames after the remembered ones; b c f h w, b f."""
        x0s = self._ask(x, t, dict(self._cache))  # a copy: what still changes is not remembered
        return x0s[0] if self._guidance is None else self._guidance.of(x0s[0], x0s[1], x, t)

    @torch.no_grad()
    def remember(self, x: Tensor, t: Tensor) -> None:
        """Take in frames b c f h w with the noise levels t: b f."""
        self._ask(x, t, self._cache)

    def keep(self, first: int, last: int) -> None:
        """Forget all but the first and the last frames, which then follow each other."""
        keep(self._cache, first, last)

    def tensors(self) -> dict[str, Tensor]:
        """All that is remembered, to be saved."""
        return packed(self._cache, self._network)

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Remember what `tensors` told."""
        self._cache = Unpruned(unpacked(tensors, self._network))

    def _ask(self, x: Tensor, t: Tensor, cache: Cache) -> tuple[Tensor, ...]:
        """The x0 of each denoiser; `cache` takes the frames in."""
        count = 1 if self._guidance is None else 2
        asked = replace(self._asked, network=partial(self._network, cache=cache))
        return asked(torch.cat([x] * count), torch.cat([t] * count)).chunk(count)


def causal(network: Any) -> nn.Module:
    """The network, if no frame of it sees a later one.

    Raises:
        UserError: if one does.
    """
    if isinstance(network, nn.Module) and isinstance(network, Denoiser) and network.is_causal:
        return network
    raise UserError(
        f"This {type(network).__name__} sees frames to come and cannot be cached: take a causal "
        "denoiser, such as dit-causal, or leave `cached` off."
    )
