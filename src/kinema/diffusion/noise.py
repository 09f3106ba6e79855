"""How much noise each frame gets in training: distributions of t, b f.

Training draws `t` from the patterns that sampling plans walk through (together, given frames,
interpolation, staircase, every frame for itself), so one set of weights serves every plan. A spec
is a frozen dataclass with `draw(batch, num_frames, generator) -> t`; `Mixture` chooses one per row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Generator, Tensor

from kinema.diffusion.path import shift_times


class Times(Protocol):
    """A distribution over noise levels."""

    def draw(self, batch: int, num_frames: int, generator: Generator | None = None) -> Tensor:
        """t: (batch, num_frames) in [0, 1], float32 on the generator's device."""
        ...


@dataclass(frozen=True)
class Uniform:
    """One time per clip, uniform in [0, 1], then shifted."""

    shift: float = 1.0

    def draw(self, batch: int, num_frames: int, generator: Generator | None = None) -> Tensor:
        t = torch.rand(batch, 1, generator=generator, device=device_of(generator))
        return shift_times(t, self.shift).expand(batch, num_frames)


@dataclass(frozen=True)
class LogitNormal:
    """One time per clip, sigmoid(mean + std * normal), then shifted (SD3, section 3.1)."""

    mean: float = 0.0
    std: float = 1.0
    shift: float = 1.0

    def draw(self, batch: int, num_frames: int, generator: Generator | None = None) -> Tensor:
        normal = torch.randn(batch, 1, generator=generator, device=device_of(generator))
        t = torch.sigmoid(self.mean + self.std * normal)
        return shift_times(t, self.shift).expand(batch, num_frames)


@dataclass(frozen=True)
class PerFrame:
    """Every frame its own draw of `times`: diffusion forcing (Chen et al. 2024)."""

    times: Times = field(default_factory=Uniform)

    def draw(self, batch: int, num_frames: int, generator: Generator | None = None) -> Tensor:
        return self.times.draw(batch * num_frames, 1, generator).reshape(batch, num_frames)


@dataclass(frozen=True)
class GivenFrames:
    """The first k frames given, k uniform in min_given ... max_given, the rest at one time.

    Given frames are clean, or carry context noise uniform in [0, context_noise] (GameNGen: the
    network learns to mistrust its own history). At least one frame stays to be made.
    """

    times: Times = field(default_factory=Uniform)
    max_given: int = 1
    context_noise: float = 0.0
    min_given: int = 1

    def draw(self, batch: int, num_frames: int, generator: Generator | None = None) -> Tensor:
        t = self.times.draw(batch, num_frames, generator)
        most = min(self.max_given, num_frames - 1)
        uniform = torch.rand(batch, 2, generator=generator, device=t.device)
        least = min(self.min_given, most)
        count = (least + (uniform[:, :1] * (most - least + 1)).long()).clamp(max=most)
        given = torch.arange(num_frames, device=t.device) < count
        return torch.where(given, self.context_noise * uniform[:, 1:], t)


@dataclass(frozen=True)
class Interpolation:
    """Key frames clean, every `stride` and the last, with the frames between at one time."""

    times: Times = field(default_factory=Uniform)
    stride: int = 4

    def draw(self, batch: int, num_frames: int, generator: Generator | None = None) -> Tensor:
        t = self.times.draw(batch, num_frames, generator)
        index = torch.arange(num_frames, device=t.device)
        keys = (index % self.stride == 0) | (index == num_frames - 1)
        return t if num_frames < 3 else torch.where(keys, 0.0, t)


@dataclass(frozen=True)
class Staircase:
    """A random moment of a staircase plan: clean, then rising over `width` frames, then noise.

    `width` 1 is frame by frame; a large width is nearly all frames together.
    """

    width: float = 4.0
    shift: float = 1.0

    def draw(self, batch: int, num_frames: int, generator: Generator | None = None) -> Tensor:
        front = torch.rand(batch, 1, generator=generator, device=device_of(generator))
        front = front * (num_frames + self.width) - self.width  # the first frame still in motion
        index = torch.arange(1, num_frames + 1, device=front.device)
        return shift_times(((index - front) / self.width).clamp(0, 1), self.shift)


@dataclass(frozen=True)
class Mixture:
    """Each row drawn from one of several specs: parts = [(weight, spec), ...]."""

    parts: Sequence[tuple[float, Times]]

    def draw(self, batch: int, num_frames: int, generator: Generator | None = None) -> Tensor:
        device = device_of(generator)
        weights = torch.tensor([float(weight) for weight, _ in self.parts], device=device)
        choice = torch.multinomial(weights, batch, replacement=True, generator=generator)
        draws = [spec.draw(batch, num_frames, generator) for _, spec in self.parts]
        return torch.stack(draws)[choice, torch.arange(batch, device=device)]


def device_of(generator: Generator | None) -> torch.device:
    return torch.device("cpu") if generator is None else generator.device
