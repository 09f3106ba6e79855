"""Autoregressive generation: chunk after chunk, each seeing sinks and the latest frames.

What is seen of the past is a `Memory`. Any denoiser has one (`Recomputed`, which shows the past
again at every step); a causal network has another (`Cached`, which keeps keys and values instead).
History guidance is the contrast of two memories.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from kinema.blocks.cache import Cache, Unpruned, keep, packed, unpacked
from kinema.denoisers import Denoiser
from kinema.diffusion.path import HISTORY
from kinema.errors import UserError
from kinema.sampling.guidance import Contrast, classifier_free
from kinema.sampling.rollout.setup import RolloutSetup, RolloutState, Segment, Strategy, opening
from kinema.sampling.sample import Denoise, DenoiseFn, in_one_call


class Memory(Protocol):
    """Frames that a denoiser has seen, and a denoiser of those that follow them."""

    def denoise(self, x: Tensor, t: Tensor) -> Tensor:
        """x0 of the frames after the remembered ones; b c f h w, b f."""
        ...

    def remember(self, x: Tensor, t: Tensor) -> None:
        """Take in frames b c f h w with the noise levels t: b f."""
        ...

    def keep(self, first: int, last: int) -> None:
        """Forget all but the first and the last frames. Those kept move together: the positions
        of the first are counted anew from the next frame (re-phased), as if nothing lay between.
        """
        ...

    def tensors(self) -> dict[str, Tensor]:
        """All that is remembered, to be saved."""
        ...

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Remember what `tensors` told, of this memory or of another denoiser's."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A denoiser that brings a memory of its own."""

    def memory(self) -> Memory:
        """A new, empty memory."""
        ...


class Recomputed:
    """The memory of any denoiser: the frames themselves, shown again in every call.

    A denoiser counts positions from the first frame that it is shown, so sinks and latest frames
    side by side are re-phased.
    """

    def __init__(self, denoise: DenoiseFn) -> None:
        self._denoise = denoise
        self.x: Tensor | None = None
        self.t: Tensor | None = None

    def denoise(self, x: Tensor, t: Tensor) -> Tensor:
        if self.x is None:
            return self._denoise(x, t)
        return self._denoise(*self.with_past(x, t))[:, :, self.x.shape[2] :]

    def remember(self, x: Tensor, t: Tensor) -> None:
        self.x, self.t = self.with_past(x, t)

    def with_past(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return all frames so far and these, b c f h w, and their noise levels, b f."""
        if self.x is None or self.t is None:
            return x, t
        return torch.cat([self.x, x], dim=2), torch.cat([self.t.to(t), t], dim=1)

    def keep(self, first: int, last: int) -> None:
        if self.x is None or self.t is None or self.x.shape[2] <= first + last:
            return
        count = self.x.shape[2]
        index = [*range(first), *range(count - last, count)]
        self.x, self.t = self.x[:, :, index], self.t[:, index]

    def tensors(self) -> dict[str, Tensor]:
        return {} if self.x is None or self.t is None else {"x": self.x, "t": self.t}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        self.x, self.t = tensors.get("x"), tensors.get("t")


@dataclass(frozen=True)
class Autoregressive(Strategy):
    """Chunk after chunk, each made from noise after the frames before it.

    Args:
        chunk: frames made together (Self-Forcing: several are better than one).
        context: latest frames that a chunk sees.
        sinks: frames of the very beginning that every chunk sees too; they hold on to what the
            video shows (Deep Forcing), and too many of them to how it moves.
        level: noise in [0, 1) under which the past is remembered, which hides its errors.
        guidance: history guidance (DFoT, Song et al. 2025); 1 is off.
        guidance_level: noise of the past that guidance leads away from; 1 hides it whole.
        cached: keep the keys and values of the past (`Cached`), which takes a causal denoiser,
            instead of showing the past again at every step.
    """

    chunk: int = 3
    context: int = 6
    sinks: int = 0
    level: float = 0.0
    guidance: float = 1.0
    guidance_level: float = 1.0
    cached: bool = False

    def __post_init__(self) -> None:
        if self.chunk < 1 or self.context < 1 or self.sinks < 0:
            raise UserError(
                f"The chunk {self.chunk}, context {self.context} and sinks {self.sinks} must be at "
                "least 1, 1 and 0."
            )
        if not (0 <= self.level < 1 and 0 < self.guidance_level <= 1):
            raise UserError("The level lies in [0, 1), and guidance_level above 0 and up to 1.")

    @property
    def horizon(self) -> int:
        """Frames back that every new frame sees, at least; the sinks beside them."""
        return self.context

    @property
    def levels(self) -> list[float]:
        """The noise of each memory: what is seen, and what guidance leads away from."""
        return [self.level] if self.guidance == 1 else [self.level, self.guidance_level]

    def rollout(
        self, setup: RolloutSetup, num_frames: int, state: RolloutState | None = None
    ) -> Iterator[Segment]:
        given, made = opening(setup.given, num_frames)
        tensors: list[dict[str, Tensor]] = [{} for _ in self.levels]
        if state is not None:
            device = setup.noise.like.device
            saved = {name: x.to(device) for name, x in state.tensors.items()}
            made, tensors = state.made, split(saved, len(self.levels))
        elif given is not None:
            memories = self.memories(setup, made, tensors)
            tensors = self.remembered(setup, memories, given, 0)
            yield Segment(given, RolloutState(made, merged(tensors)))
        while made < num_frames:
            size = min(self.chunk, num_frames) if not made else self.chunk
            memories = self.memories(setup, made, tensors)
            frames = self.next_chunk(setup, memories, made, size)
            tensors = self.remembered(setup, memories, frames, made)
            new = frames[:, :, : num_frames - made]
            made += new.shape[2]
            yield Segment(new, RolloutState(made, merged(tensors)))

    def memories(
        self, setup: RolloutSetup, made: int, tensors: list[dict[str, Tensor]]
    ) -> list[Memory]:
        memories = [self.memory(setup.at(made)) for _ in tensors]
        for memory, saved in zip(memories, tensors, strict=True):
            memory.restore(saved)
        return memories

    def memory(self, denoise: DenoiseFn) -> Memory:
        if not self.cached:
            return Recomputed(denoise)
        return denoise.memory() if isinstance(denoise, Remembering) else Cached(denoise)

    def next_chunk(
        self, setup: RolloutSetup, memories: list[Memory], start: int, size: int
    ) -> Tensor:
        denoise: DenoiseFn = memories[0].denoise
        if len(memories) > 1 and start:
            denoise = classifier_free(denoise, memories[1].denoise, self.guidance)
        return setup.window(denoise, start, setup.known(start, start + size))

    def remembered(
        self, setup: RolloutSetup, memories: list[Memory], frames: Tensor, start: int
    ) -> list[dict[str, Tensor]]:
        """Let every memory see the frames under its own noise; what each then holds."""
        noise = setup.noise.other(HISTORY)(start, start + frames.shape[2])
        for memory, level in zip(memories, self.levels, strict=True):
            t = torch.full((frames.shape[0], frames.shape[2]), level, device=frames.device)
            seen = setup.path.add_noise(frames, noise, t) if level else frames
            memory.remember(seen, t)
            memory.keep(self.sinks, self.context)
        return [memory.tensors() for memory in memories]

    def calls(self, num_frames: int, num_steps: int) -> dict[int, int]:
        counts: dict[int, int] = {}
        for number in range(ceil(num_frames / self.chunk)):
            seen = 0 if self.cached else min(number * self.chunk, self.sinks + self.context)
            size = seen + min(self.chunk, num_frames)
            asked = num_steps * len(self.levels if number else [0])
            to_remember = len(self.levels) if self.cached else 0
            counts[size] = counts.get(size, 0) + asked + to_remember
        return counts

    def joins(self, num_frames: int, num_given: int = 0) -> list[int]:
        return list(range(num_given + self.chunk, num_frames, self.chunk))


def merged(tensors: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors of several memories in one dictionary."""
    return {f"{i}.{name}": x for i, own in enumerate(tensors) for name, x in own.items()}


def split(tensors: dict[str, Tensor], count: int) -> list[dict[str, Tensor]]:
    """The inverse of `merged`."""
    return [
        {name.split(".", 1)[1]: x for name, x in tensors.items() if name.startswith(f"{i}.")}
        for i in range(count)
    ]


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
    """The network, if no frame of it sees a later one; raise a UserError if one does."""
    if isinstance(network, nn.Module) and isinstance(network, Denoiser) and network.is_causal:
        return network
    raise UserError(
        f"This {type(network).__name__} sees frames to come and cannot be cached: take a causal "
        "denoiser, such as dit-causal, or leave `cached` off."
    )
