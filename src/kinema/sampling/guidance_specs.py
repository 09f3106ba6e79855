"""Guidance by name: what a request for a video or `kinema generate --guidance` asks for.

A spec (`ClassifierFree()`, `AdaptiveProjected(eta=0.1)`, ...) is a frozen dataclass that makes the
guided denoiser of a video from its `Branches`; the mathematics is in `guidance`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

from torch import Tensor

from kinema.diffusion.path import Path
from kinema.errors import UserError
from kinema.sampling.guidance import (
    ALWAYS,
    adaptive_projected,
    autoguidance,
    cfg_zero_star,
    classifier_free,
    history_guidance,
    noised_history,
    per_condition,
)
from kinema.sampling.solvers import DenoiseFn
from kinema.storage.specs import read_spec


class Branches(NamedTuple):
    """The denoisers of one video that guidance may contrast.

    Attributes:
        cond: with the prompt.
        uncond: without it, or with the negative prompt.
        path: on which the network was trained.
        noise: x (b c f h w) -> noise of its shape, always the same, to hide given frames under.
        worse: of a worse system, with the prompt; only autoguidance needs it.
    """

    cond: DenoiseFn
    uncond: DenoiseFn
    path: Path
    noise: Callable[[Tensor], Tensor]
    worse: DenoiseFn | None = None


class Guidance(Protocol):
    """A way to follow the prompt more strictly than the network does by itself."""

    @property
    def kind(self) -> str:
        """The name of the spec, a key of GUIDANCE."""
        ...

    @property
    def calls(self) -> int:
        """How often the network is called for one x0, at most."""
        ...

    def __call__(self, branches: Branches, scale: float) -> DenoiseFn:
        """Return the guided denoiser; `scale` is the guidance scale, 1 is off."""
        ...


@dataclass(frozen=True)
class ClassifierFree:
    """Away from the video without the prompt, see `classifier_free`."""

    interval: tuple[float, float] = ALWAYS
    rescale: float = 0.0
    kind: str = field(default="classifier-free", init=False)
    calls: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_interval(self.interval)
        check_range("rescale", self.rescale, 0, 1)

    def __call__(self, branches: Branches, scale: float) -> DenoiseFn:
        cond, uncond = branches.cond, branches.uncond
        return classifier_free(cond, uncond, scale, self.interval, self.rescale)


@dataclass(frozen=True)
class AdaptiveProjected:
    """The same without what saturates, see `adaptive_projected`."""

    eta: float = 0.0
    max_norm: float | None = None
    interval: tuple[float, float] = ALWAYS
    kind: str = field(default="adaptive-projected", init=False)
    calls: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_interval(self.interval)
        check_range("eta", self.eta, -math.inf, math.inf)
        check_range("max_norm", self.max_norm or 0, 0, math.inf)

    def __call__(self, branches: Branches, scale: float) -> DenoiseFn:
        cond, uncond = branches.cond, branches.uncond
        return adaptive_projected(cond, uncond, scale, self.eta, self.max_norm, self.interval)


@dataclass(frozen=True)
class ZeroStar:
    """CFG-Zero*, for models that are not trained to the end, see `cfg_zero_star`."""

    zero_from: float = 1.0
    interval: tuple[float, float] = ALWAYS
    kind: str = field(default="zero-star", init=False)
    calls: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_interval(self.interval)
        check_range("zero_from", self.zero_from, 0, math.inf)

    def __call__(self, branches: Branches, scale: float) -> DenoiseFn:
        cond, uncond, path = branches.cond, branches.uncond, branches.path
        return cfg_zero_star(cond, uncond, scale, path, self.zero_from, self.interval)


@dataclass(frozen=True)
class Autoguidance:
    """Away from a worse system on the same latents, see `autoguidance`.

    Attributes:
        model: the worse system: a name, a folder, or a repository of the hub.
        interval: times at which to guide.
    """

    model: str = ""
    interval: tuple[float, float] = ALWAYS
    kind: str = field(default="autoguidance", init=False)
    calls: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_interval(self.interval)
        if not self.model:
            raise UserError("Autoguidance needs a worse system: autoguidance:model=FOLDER.")

    def __call__(self, branches: Branches, scale: float) -> DenoiseFn:
        assert branches.worse is not None, "the worse system was loaded"
        return autoguidance(branches.cond, branches.worse, scale, self.interval)


@dataclass(frozen=True)
class History:
    """Classifier-free guidance, and guidance towards the given frames, see `history_guidance`.

    Attributes:
        scale: how strictly to follow the given frames; 1 is off.
        level: the noise in (0, 1] under which the contrast shows them.
        interval: times at which to follow them.
    """

    scale: float = 1.5
    level: float = 1.0
    interval: tuple[float, float] = ALWAYS
    kind: str = field(default="history", init=False)
    calls: ClassVar[int] = 2

    def __post_init__(self) -> None:
        check_interval(self.interval)
        check_range("scale", self.scale, -math.inf, math.inf)
        check_range("level", self.level, 1e-6, 1)

    def __call__(self, branches: Branches, scale: float) -> DenoiseFn:
        guided = classifier_free(branches.cond, branches.uncond, scale)

        def denoise(x: Tensor, t: Tensor) -> Tensor:
            noise, options = branches.noise(x), (self.scale, self.level, self.interval)
            return history_guidance(guided, branches.path, noise, *options)(x, t)

        return denoise


@dataclass(frozen=True)
class PerCondition:
    """A scale for the given frames and one, the guidance scale, for the prompt after them.

    The given frames take the place of the image of InstructPix2Pix, see `per_condition`.

    Attributes:
        history_scale: how strictly to follow the given frames; 1 is off.
    """

    history_scale: float = 1.5
    kind: str = field(default="per-condition", init=False)
    calls: ClassVar[int] = 3

    def __post_init__(self) -> None:
        check_range("history_scale", self.history_scale, -math.inf, math.inf)

    def __call__(self, branches: Branches, scale: float) -> DenoiseFn:
        def denoise(x: Tensor, t: Tensor) -> Tensor:
            nothing = noised_history(branches.uncond, branches.path, branches.noise(x), 1.0)
            denoises = [nothing, branches.uncond, branches.cond]
            return per_condition(denoises, [self.history_scale, scale])(x, t)

        return denoise


GUIDANCE: dict[str, Any] = {
    "classifier-free": ClassifierFree,
    "adaptive-projected": AdaptiveProjected,
    "zero-star": ZeroStar,
    "autoguidance": Autoguidance,
    "history": History,
    "per-condition": PerCondition,
}


def guidance_named(given: Guidance | str | dict[str, Any]) -> Guidance:
    """Return a spec from itself, from its dictionary, or from its name and options as text.

    Args:
        given: such as "adaptive-projected" or "adaptive-projected:eta=0.5,interval=[0.2,0.9]".

    Raises:
        UserError: if there is no such guidance or option, or a value makes no sense.
    """
    if isinstance(given, str):
        name, _, said = given.partition(":")
        options = (part.partition("=") for part in re.findall(r"[^,\[]+(?:\[[^\]]*\])?", said))
        values = {name.strip(): value_of(text) for name, _, text in options}
        given = {"kind": name.strip().replace("_", "-"), **values}
    spec: Guidance = read_spec("guidance", GUIDANCE, given)
    return spec


def value_of(text: str) -> Any:
    """Return a number, or a tuple of them, as a text has it; other text stays what it is."""
    try:
        value = json.loads(text)
    except ValueError:
        return text.strip()
    return tuple(value) if isinstance(value, list) else value


def check_interval(interval: Sequence[float]) -> None:
    """Raise a UserError unless an interval is two times in [0, 1] that go up."""
    is_pair = isinstance(interval, Sequence) and len(interval) == 2
    if not is_pair or not 0 <= interval[0] <= interval[1] <= 1:
        raise UserError(
            f"A guidance interval is two times from 0 to 1 that go up, such as [0.2,0.9], not "
            f"{interval}."
        )


def check_range(name: str, value: float, least: float, most: float) -> None:
    """Raise a UserError unless a number is finite and lies between two others."""
    is_number = isinstance(value, int | float) and math.isfinite(value)
    if not is_number or not least <= value <= most:
        bounds = f" from {least:g} to {most:g}" if math.isfinite(most) else ""
        raise UserError(f"Guidance option {name} is {value}: it must be a number{bounds}.")
