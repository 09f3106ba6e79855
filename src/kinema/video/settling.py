"""From what was asked to what will be made: fill in the defaults, and tell of what they change."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import torch
from torch import Tensor

from kinema import clips
from kinema.errors import Notice, UserError
from kinema.sampling import Autoguidance, Guidance, guidance_named
from kinema.sampling.rollout import Autoregressive, Sliding, Strategy, Whole
from kinema.sampling.sample import Progress
from kinema.video.generation import SETTABLE, Generation, device_of, digest
from kinema.video.opening import open_with, size_of
from kinema.video.request import Request, warn_of_late_parts
from kinema.video.strategies import default_strategy, strategy_named
from kinema.video.system import Loaded, Parts, System, load


def settle(request: Request, pipe: Parts, progress: Progress | None = None) -> Generation:
    """Fill in the defaults, read what the videos start from, and choose the strategy.

    A continuation takes the size of its clip, and as many new frames as one window holds; a video
    that is made anew, size and length of the one it is made from.

    Args:
        request: what was asked.
        pipe: the system that is asked.
        progress: called after every step.

    Raises:
        UserError: if the system cannot make it, or what it starts from cannot be read.
    """
    system = pipe.system
    stories = request.stories(system.takes_prompts)
    negative = request.negative_prompts(len(stories))
    warn_of_unknown_words(pipe, [text for story in stories for _, text in story] + negative)
    size = settled_size(request, system, pipe.codec.factors[1:])
    opening = open_with(request, size, system.fps, most=max(system.overlap, 1))
    defaults = {name: getattr(system, name) for name in SETTABLE}
    if request.continue_from is not None:
        defaults["num_frames"] = max(system.num_frames - system.overlap, 1)
    if opening.source is not None:
        defaults["num_frames"] = len(opening.source)
    asked = {name: getattr(request, name) for name in SETTABLE}
    chosen = {**defaults, **{name: value for name, value in asked.items() if value is not None}}
    guidance = guidance_named(request.guidance)
    generation = Generation(
        pipe=pipe,
        stories=stories,
        negative_prompts=negative,
        seeds=request.seeds(len(stories)),
        num_frames=int(chosen["num_frames"]),
        size=size,
        fps=float(chosen["fps"]),
        num_steps=int(chosen["num_steps"]),
        guidance_scale=float(chosen["guidance_scale"]),
        guidance=guidance,
        strategy=Whole(),
        given=encoded(pipe, opening.given, whole_latents=True),
        source=encoded(pipe, opening.source),
        strength=1.0 if opening.source is None else request.strength,
        num_kept=opening.num_kept,
        kept=opening.kept,
        worse=worse_system(guidance, pipe),
        files=request.sources(),
        progress=progress,
    )
    generation.strategy = settled_strategy(request, generation)
    return generation


def settled_strategy(request: Request, generation: Generation) -> Strategy:
    """Return the strategy that was asked for, or the default, and tell of prompts without effect.

    Raises:
        UserError: if what is given ends within a chunk of a cached denoiser.
    """
    pipe, strategy = generation.pipe, request.strategy
    if strategy is None:
        strategy = default_strategy(pipe, generation.latent_shape[1])
    elif isinstance(strategy, str):
        strategy = strategy_named(strategy, pipe)
    chunk = getattr(pipe.denoiser, "chunk", 1)
    is_cached = isinstance(strategy, Autoregressive) and strategy.cached
    if is_cached and generation.num_given % chunk:
        raise UserError(
            f"This model caches {chunk} latent frames at a time, and the picture or clip to "
            f"start from fills {generation.num_given}: choose another strategy, such as sliding."
        )
    last_window = None
    if isinstance(strategy, Whole | Sliding):
        joins = dataclasses.replace(generation, strategy=strategy).joins()
        last_window = joins[-1] if joins else generation.shift
    for story in generation.stories:
        warn_of_late_parts(story, generation.total, last_window)
    return strategy


def encoded(pipe: Parts, frames: np.ndarray | None, whole_latents: bool = False) -> Tensor | None:
    """Return the latents of uint8 frames (f h w 3), 1 c f' h' w'.

    Args:
        pipe: whose codec to use.
        frames: or None, which stays None.
        whole_latents: take the most frames, from the end, that fill whole latents: 4 (n - 1) + 1
            for a codec with a factor of 4 in time.
    """
    if frames is None:
        return None
    if whole_latents:
        factor = pipe.codec.factors[0]
        frames = frames[-((len(frames) - 1) // factor * factor + 1) :]
    latents: Tensor = pipe.codec.encode(clips.to_tensor(frames)[None].to(device_of(pipe)))
    return latents


def worse_system(guidance: Guidance, pipe: Parts) -> Loaded | None:
    """Read the system that autoguidance leads away from; None for other guidance.

    Raises:
        UserError: if it denoises other latents, or on another path.
    """
    if not isinstance(guidance, Autoguidance):
        return None
    worse, device = load(guidance.model), device_of(pipe)
    if latents_of(worse) != latents_of(pipe):
        raise UserError(
            f"{guidance.model} has another codec or path than {pipe.name or 'this system'}: "
            "autoguidance contrasts two denoisers of the same latents."
        )
    for part in (worse.denoiser, worse.text):
        part.to(device).eval().requires_grad_(False)
    return worse


def latents_of(pipe: Parts) -> tuple[str, str, str]:
    """Return what tells the noised latents of a system from those of another: path and codec."""
    weights = pipe.codec.state_dict() if isinstance(pipe.codec, torch.nn.Module) else {}
    return pipe.system.path, type(pipe.codec).__name__, digest(weights.values())


def settled_size(request: Request, system: System, multiple: tuple[int, int]) -> tuple[int, int]:
    """Return the height and width to be made: those asked for, of the clip, or of the system.

    Raises:
        UserError: if they are no size, or larger than the system makes.
    """
    source = request.continue_from if request.video is None else request.video
    default = system.size if source is None else size_of(source)
    size = default if request.size is None else request.size
    wanted = (size, size) if isinstance(size, int) else tuple(size)
    if request.height is not None or request.width is not None:
        wanted = (request.height or default[0], request.width or default[1])
    check_size(wanted)
    if wanted != default and max(wanted) > system.max_size:
        raise UserError(
            f"This model makes at most {system.max_size} pixels a side, not "
            f"{wanted[0]}x{wanted[1]}: ask for a smaller size."
        )
    made = possible_size(wanted, multiple, system.max_size)
    if made != system.size:
        warnings.warn(
            f"This model was trained at {system.size[0]}x{system.size[1]} pixels: at "
            f"{made[0]}x{made[1]} expect objects that are repeated, cut or out of shape.",
            Notice,
            stacklevel=2,
        )
    return made


def check_size(wanted: tuple[int, ...]) -> None:
    """Raise a UserError unless a size is two positive numbers."""
    if len(wanted) != 2 or min(wanted) < 1:
        raise UserError(f"A size is a height and a width in pixels, such as 64x96, not {wanted}.")


def possible_size(
    wanted: tuple[int, ...], multiple: tuple[int, int], max_size: int
) -> tuple[int, int]:
    """Return the size nearest to `wanted` that can be made, and tell if it is another."""
    height, width = (
        min(max(round(side / step), 1), max(max_size // step, 1)) * step
        for side, step in zip(wanted, multiple, strict=True)
    )
    if (height, width) != tuple(wanted):
        warnings.warn(
            f"This model cannot make {wanted[0]}x{wanted[1]} pixels; it makes {height}x{width}: "
            f"heights are multiples of {multiple[0]}, widths of {multiple[1]}, up to {max_size}.",
            Notice,
            stacklevel=2,
        )
    return height, width


def warn_of_unknown_words(pipe: Parts, prompts: list[str]) -> None:
    """Tell of what has no effect: a word never seen, or all of them."""
    if not pipe.system.takes_prompts:
        if any(prompt.strip() for prompt in prompts):
            warnings.warn(
                "This model was made without text: the prompt has no effect, leave it out.",
                Notice,
                stacklevel=2,
            )
        return
    words = [word for prompt in prompts for word in pipe.text.unknown_words(prompt)]
    if words:
        named = ", ".join(f'"{word}"' for word in dict.fromkeys(words))
        warnings.warn(
            f"This model has never seen {named}: what you mean by it will not show.",
            Notice,
            stacklevel=2,
        )
