"""Guidance: functions from denoisers to a denoiser, to be nested at will, and their specs by name.

All work on x0. At fixed x and t every prediction is affine in x0, so "uncond + scale * (cond -
uncond)" is the same in any of them. Every frame has its own noise level, so intervals, norms and
projections are taken frame by frame; frames with t = 0 are given and pass through unchanged.

A spec (`ClassifierFree()`, `AdaptiveProjected(eta=0.1)`, ...), which a request for a video or
`kinema generate --guidance` names, fills one of these functions with the `Branches` of a video.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor

from kinema.diffusion.path import PREDICTIONS, Path, per_frame
from kinema.errors import UserError
from kinema.fields import Between, Share, Weight, check_fields, read_spec
from kinema.sampling.sample import DenoiseFn, denoise_all

Combine = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]  # cond, uncond, x, t -> x0
FRAME = (1, 3, 4)  # the axes of one frame in b c f h w
ALWAYS = (0.0, 1.0)


@dataclass(frozen=True)
class Contrast:
    """`combine` in frames with t in `interval`, `cond` in the others (and alone, if in all)."""

    cond: DenoiseFn
    uncond: DenoiseFn
    combine: Combine
    interval: tuple[float, float]

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """x0, b c f h w."""
        if not self.guided(t).any():
            return self.cond(x, t)
        with_condition, without = denoise_all([self.cond, self.uncond], x, t)
        return self.of(with_condition, without, x, t)

    def of(self, cond: Tensor, uncond: Tensor, x: Tensor, t: Tensor) -> Tensor:
        """x0 from what both denoisers said; b c f h w each, t: b f."""
        combined = self.combine(cond, uncond, x, t)
        return torch.where(per_frame(self.guided(t)), combined, cond)

    def guided(self, t: Tensor) -> Tensor:
        """Which frames are guided, b f."""
        return (t >= self.interval[0]) & (t <= self.interval[1]) & (t > 0)


def classifier_free(
    cond: DenoiseFn,
    uncond: DenoiseFn,
    scale: float | Tensor,
    interval: tuple[float, float] = ALWAYS,
    rescale: float = 0.0,
) -> DenoiseFn:
    """uncond + scale * (cond - uncond) (Ho & Salimans 2022).

    Args:
        cond: denoiser with the condition.
        uncond: denoiser without it, or with a negative prompt.
        scale: 1 is off, and calls `cond` alone; or one for each frame, (1, 1, f, 1, 1).
        interval: times at which to guide (Kynkaanniemi et al. 2024); outside, `cond` alone.
        rescale: in [0, 1], how far to bring the contrast of each frame back to that of `cond`
            (Lin et al. 2024, section 3.4).
    """
    if not isinstance(scale, Tensor) and scale == 1:
        return cond

    def combine(cond: Tensor, uncond: Tensor, x: Tensor, t: Tensor) -> Tensor:
        guided = uncond + scale * (cond - uncond)
        if rescale == 0:
            return guided
        ratio = cond.std(FRAME, keepdim=True) / guided.std(FRAME, keepdim=True).clamp(min=1e-6)
        return guided * (1 + rescale * (ratio - 1))

    return Contrast(cond, uncond, combine, interval)


def per_condition(denoises: Sequence[DenoiseFn], scales: Sequence[float]) -> DenoiseFn:
    """A scale for each condition (InstructPix2Pix, Brooks et al. 2023, eq. 3).

    Args:
        denoises: with no condition, the first, the first two, ... all: one more than scales.
        scales: how far to go for each condition added.
    """
    assert len(denoises) == len(scales) + 1, "one scale for every condition added"

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        x0s = denoise_all(denoises, x, t)
        steps = zip(scales, x0s[:-1], x0s[1:], strict=True)
        return x0s[0] + sum(scale * (more - less) for scale, less, more in steps)

    return denoise


def autoguidance(
    good: DenoiseFn, bad: DenoiseFn, scale: float, interval: tuple[float, float] = ALWAYS
) -> DenoiseFn:
    """Away from a worse version of the same model (Karras et al. 2024): smaller or younger.

    Both take the same conditions; it needs no dropped ones and keeps the variety of samples.
    """
    return classifier_free(good, bad, scale, interval)


def cfg_zero_star(
    cond: DenoiseFn,
    uncond: DenoiseFn,
    scale: float,
    path: Path,
    zero_from: float = 1.0,
    interval: tuple[float, float] = ALWAYS,
) -> DenoiseFn:
    """CFG-Zero* (Fan et al. 2025), for models that are not trained to the end.

    The unconditional velocity is scaled by s = <cond, uncond> / |uncond|^2 before guiding, and the
    velocity is zero in frames with t >= `zero_from`: the first step, learned worst, is skipped.
    """
    velocity = PREDICTIONS["velocity"]

    def combine(cond: Tensor, uncond: Tensor, x: Tensor, t: Tensor) -> Tensor:
        cond, uncond = (velocity.from_x0(path, x0, x, t) for x0 in (cond, uncond))
        norm = uncond.square().sum(FRAME, keepdim=True).clamp(min=1e-12)
        uncond = uncond * (cond * uncond).sum(FRAME, keepdim=True) / norm
        guided = uncond + scale * (cond - uncond)
        guided = torch.where(per_frame(t >= zero_from), 0.0, guided)
        return velocity.to_x0(path, guided, x, t)

    return Contrast(cond, uncond, combine, interval)


def adaptive_projected(
    cond: DenoiseFn,
    uncond: DenoiseFn,
    scale: float,
    eta: float = 0.0,
    max_norm: float | None = None,
    interval: tuple[float, float] = ALWAYS,
) -> DenoiseFn:
    """APG (Sadat et al. 2025), without momentum: high scales without oversaturation.

    Of the part of the update along `cond`, which saturates, the share `eta` is kept; the update of
    a frame is shortened to `max_norm`. The others are as in `classifier_free`.
    """

    def combine(cond: Tensor, uncond: Tensor, x: Tensor, t: Tensor) -> Tensor:
        update = cond - uncond
        if max_norm is not None:
            norm = update.square().sum(FRAME, keepdim=True).sqrt()
            update = update * (max_norm / norm.clamp(min=1e-12)).clamp(max=1)
        square = cond.square().sum(FRAME, keepdim=True).clamp(min=1e-12)
        along = cond * (update * cond).sum(FRAME, keepdim=True) / square
        return cond + (scale - 1) * (update - along + eta * along)

    return Contrast(cond, uncond, combine, interval)


def noised_history(denoise: DenoiseFn, path: Path, noise: Tensor, level: float) -> DenoiseFn:
    """Show the given frames (t = 0) at noise `level`, and say so: t = level there.

    A little noise hides the errors of frames that the model itself made (GameNGen, Valevski et
    al. 2024); level 1 hides them whole. `noise` (b c f h w) is fixed by the caller.
    """

    def denoise_noised(x: Tensor, t: Tensor) -> Tensor:
        given = t == 0
        seen = torch.where(given, level, t)
        x_seen = torch.where(per_frame(given), path.add_noise(x, noise, seen), x)
        return torch.where(per_frame(given), x, denoise(x_seen, seen))

    return denoise_noised


def noised_alike(denoise: DenoiseFn, path: Path, noise: Callable[[Tensor], Tensor]) -> DenoiseFn:
    """Show the given frames (t = 0) at the level of the others, for networks that know one level.

    The frames are replaced by themselves under noise before every call (RePaint, Lugmayr et al.
    2022), and come back as they are. `noise` gives x its noise, always the same.
    """

    def denoise_alike(x: Tensor, t: Tensor) -> Tensor:
        given = t == 0
        seen = torch.where(given, t.amax(1, keepdim=True), t)
        x_seen = torch.where(per_frame(given), path.add_noise(x, noise(x), seen), x)
        return torch.where(per_frame(given), x, denoise(x_seen, seen))

    return denoise_alike


def history_guidance(
    denoise: DenoiseFn,
    path: Path,
    noise: Tensor,
    scale: float,
    level: float = 1.0,
    interval: tuple[float, float] = ALWAYS,
) -> DenoiseFn:
    """Guidance towards the given frames (DFoT, Song et al. 2025).

    The model without its history is the model with its history noised to `level`: 1 drops it
    (vanilla history guidance), less leaves its low frequencies in both (fractional).
    """
    return classifier_free(denoise, noised_history(denoise, path, noise, level), scale, interval)


# ---- specs ---------------------------------------------------------------------------------------


class Branches(NamedTuple):
    """The denoisers of one video that guidance may contrast."""

    cond: DenoiseFn  # with the prompt
    uncond: DenoiseFn  # without it, or with the negative prompt
    path: Path  # on which the network was trained
    # x (b c f h w) -> noise of its shape, always the same, to hide given frames under
    noise: Callable[[Tensor], Tensor]
    worse: DenoiseFn | None = None  # of a worse system, with the prompt; only autoguidance needs it


class Guidance:
    """A way to follow the prompt more strictly than the network does by itself.

    Attributes:
        kind: the name of the spec, a key of GUIDANCE.
        calls: how often the network is called for one x0, at most.
        interval: times at which to guide.
    """

    kind: str
    calls = 1
    interval: tuple[Share, Share] = ALWAYS

    def __post_init__(self) -> None:
        check_fields(self, "Guidance option ")
        if self.interval[0] > self.interval[1]:
            raise UserError(
                f"A guidance interval is two times that go up, such as [0.2,0.9], not "
                f"{self.interval}."
            )

    def __call__(self, branches: Branches, scale: float) -> DenoiseFn:
        """Return the guided denoiser; `scale` is the guidance scale, 1 is off."""
        raise TypeError(f"{type(self).__name__} does not say how it guides")


@dataclass(frozen=True)
class ClassifierFree(Guidance):
    """Away from the video without the prompt, see `classifier_free`."""

    interval: tuple[Share, Share] = ALWAYS
    rescale: Share = 0.0
    kind: str = field(default="classifier-free", init=False)

    def __call__(self, branches: Branches, scale: float) -> DenoiseFn:
        return classifier_free(*branches[:2], scale, self.interval, self.rescale)


@dataclass(frozen=True)
class AdaptiveProjected(Guidance):
    """The same without what saturates, see `adaptive_projected`."""

    eta: float = 0.0
    max_norm: Weight | None = None
    interval: tuple[Share, Share] = ALWAYS
    kind: str = field(default="adaptive-projected", init=False)

    def __call__(self, branches: Branches, scale: float) -> DenoiseFn:
        return adaptive_projected(*branches[:2], scale, self.eta, self.max_norm, self.interval)


@dataclass(frozen=True)
class ZeroStar(Guidance):
    """CFG-Zero*, for models that are not trained to the end, see `cfg_zero_star`."""

    zero_from: Weight = 1.0
    interval: tuple[Share, Share] = ALWAYS
    kind: str = field(default="zero-star", init=False)

    def __call__(self, branches: Branches, scale: float) -> DenoiseFn:
        return cfg_zero_star(*branches[:2], scale, branches.path, self.zero_from, self.interval)


@dataclass(frozen=True)
class Autoguidance(Guidance):
    """Away from a worse version of the same model (Karras et al. 2024): smaller or younger.

    Both take the same prompt; it needs no dropped ones and keeps the variety of samples.
    """

    # the worse system, on the same latents: a name, a folder, or a repository of the hub
    model: str = ""
    interval: tuple[Share, Share] = ALWAYS  # times at which to guide
    kind: str = field(default="autoguidance", init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.model:
            raise UserError("Autoguidance needs a worse system: autoguidance:model=FOLDER.")

    def __call__(self, branches: Branches, scale: float) -> DenoiseFn:
        assert branches.worse is not None, "the worse system was loaded"
        return autoguidance(branches.cond, branches.worse, scale, self.interval)


@dataclass(frozen=True)
class History(Guidance):
    """Classifier-free guidance, and guidance towards the given frames, see `history_guidance`."""

    scale: float = 1.5  # how strictly to follow the given frames; 1 is off
    # the noise in (0, 1] under which the contrast shows them
    level: Annotated[float, Between(1e-6, 1)] = 1.0
    interval: tuple[Share, Share] = ALWAYS  # times at which to follow them
    kind: str = field(default="history", init=False)
    calls = 2

    def __call__(self, branches: Branches, scale: float) -> DenoiseFn:
        guided = classifier_free(branches.cond, branches.uncond, scale)

        def denoise(x: Tensor, t: Tensor) -> Tensor:
            noise, options = branches.noise(x), (self.scale, self.level, self.interval)
            return history_guidance(guided, branches.path, noise, *options)(x, t)

        return denoise


@dataclass(frozen=True)
class PerCondition(Guidance):
    """A scale for the given frames and one, the guidance scale, for the prompt after them.

    The given frames take the place of the image of InstructPix2Pix, see `per_condition`.
    """

    history_scale: float = 1.5  # how strictly to follow the given frames; 1 is off
    kind: str = field(default="per-condition", init=False)
    calls = 3

    def __call__(self, branches: Branches, scale: float) -> DenoiseFn:
        def denoise(x: Tensor, t: Tensor) -> Tensor:
            nothing = noised_history(branches.uncond, branches.path, branches.noise(x), 1.0)
            denoises = [nothing, branches.uncond, branches.cond]
            return per_condition(denoises, [self.history_scale, scale])(x, t)

        return denoise


SPECS = (ClassifierFree, AdaptiveProjected, ZeroStar, Autoguidance, History, PerCondition)
GUIDANCE: dict[str, type[Guidance]] = {spec.kind: spec for spec in SPECS}


def guidance_named(given: Guidance | str | dict[str, Any]) -> Guidance:
    """Return a spec from itself, from its dictionary, or from its name and options as text, such as
    "adaptive-projected" or "adaptive-projected:eta=0.5,interval=[0.2,0.9]".

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
