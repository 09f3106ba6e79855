"""From what was asked to what will be made: fill in the defaults, and tell of what they change."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from kinema import clips
from kinema.clips import Clip
from kinema.errors import UserError, notify
from kinema.sampling import Autoguidance, Guidance, guidance_named
from kinema.sampling.rollout import Autoregressive, Sliding, Strategy, Whole
from kinema.sampling.sample import AfterStep
from kinema.video.generation import SETTABLE, Generation, default_strategy, strategy_named
from kinema.video.request import Request, warn_of_late_parts
from kinema.video.system import Parts, System, digest


class Opening(NamedTuple):
    """Frames that are there before anything is made, uint8 `(k, h, w, 3)` of the final size."""

    # frames to go on from, the last of them, or a first frame; or None
    given: np.ndarray | None = None
    source: np.ndarray | None = None  # a video to be made anew; or None
    num_kept: int = 0  # how many frames of a clip stand in the result as they are, before new ones
    # yields these frames, `(h, w, 3)` each
    kept: Callable[[], Iterator[np.ndarray]] = lambda: iter(())


def open_with(request: Request, size: tuple[int, int], fps: float, most: int) -> Opening:
    """Read what the request starts from, and bring it to the size of the result.

    A file is brought to the rate `fps`. Of a clip to go on from, the last `most` frames are held.

    Raises:
        UserError: if the picture or the clip cannot be read.
    """
    if request.image is not None:
        return Opening(given=first_frame(request.image, size))
    if request.video is not None:
        frames = islice(clip_frames(request.video, fps, size), request.num_frames)
        source = held(frames, f"{request.video} holds no frame to make anew.")
        if len(source) < (request.num_frames or 0):
            raise UserError(
                f"{request.video} has {len(source)} frames at {fps:g} fps, fewer than the "
                f"{request.num_frames} to be made: leave the number of frames out."
            )
        return Opening(source=source)
    if request.continue_from is None:
        return Opening()
    stream = partial(clip_frames, request.continue_from, fps, size)
    num_frames, last = 0, deque[np.ndarray](maxlen=most)
    for frame in stream():
        num_frames += 1
        last.append(frame)
    given = held(iter(last), f"{request.continue_from} holds no frame to go on from.")
    return Opening(given, None, num_frames, stream)


def held(frames: Iterator[np.ndarray], complaint: str) -> np.ndarray:
    """Return frames as one array, uint8 `(k, h, w, 3)`; without one, raise a UserError."""
    every = list(frames)
    if not every:
        raise UserError(complaint)
    return np.stack(every)


def first_frame(image: str | Path | np.ndarray | Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Return a picture as one frame, uint8 `(1, *size, 3)`: scaled to cover the size, cropped."""
    if isinstance(image, str | Path):
        image = clips.read_image(image)
    picture = np.asarray(image)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise UserError(
            f"An image is a file or uint8 (h, w, 3), not {picture.dtype} {picture.shape}."
        )
    return clips.fit_frames(picture[None], size)


def clip_frames(
    source: str | Path | Clip, fps: float, size: tuple[int, int]
) -> Iterator[np.ndarray]:
    """Return the frames of a clip, uint8 `(*size, 3)` each; a file is brought to `fps` first."""
    if isinstance(source, Clip):
        return (clips.fit_frames(frame[None], size)[0] for frame in source.frames)
    return clips.stream(source, fps=fps, size=size)


def size_of(source: str | Path | Clip) -> tuple[int, int]:
    """Return the height and width of a clip in memory or in a file."""
    if isinstance(source, Clip):
        return source.size
    info = clips.inspect(source)
    return info.height, info.width


PEEK = 8  # frames from which a cut at frame 1 is told


def warn_of_cut(frames: np.ndarray) -> None:
    """Tell if a video cuts away from its first frame, as from a picture unlike any in training.

    Args:
        frames: uint8 `(f, h, w, 3)`, of which the first PEEK count.
    """
    from kinema.metrics.temporal import cuts  # the metrics take a second to import

    frames = frames[:PEEK]
    if 1 in cuts.find_cuts(frames):
        scores = cuts.content_scores(frames)
        times = cuts.adaptive_ratios(scores)[1]
        notify(
            f"The video cuts away from the picture at frame 1 (change {scores[1]:.0f} of 255, "
            f"{times:.1f} times that of the frames around): the model was "
            "trained on other pictures."
        )


def settle(request: Request, pipe: Parts, kind: type[Generation] = Generation) -> Generation:
    """Fill in the defaults, read what the videos start from, and choose the strategy.

    A continuation takes the size of its clip, and as many new frames as one window holds; a video
    that is made anew, size and length of the one it is made from.

    Raises:
        UserError: if the system cannot make it, or what it starts from cannot be read.
    """
    system = pipe.system
    stories = request.stories(system.takes_prompts)
    negative = request.negative_prompts(len(stories))
    warn_of_unknown_words(pipe, [text for story in stories for _, text in story] + negative)
    size = settled_size(request, system, pipe.multiple)
    opening = open_with(request, size, system.fps, most=max(system.overlap, 1))
    defaults = {name: getattr(system, name) for name in SETTABLE}
    if request.continue_from is not None:
        defaults["num_frames"] = max(system.num_frames - system.overlap, 1)
    if opening.source is not None:
        defaults["num_frames"] = len(opening.source)
    asked = {name: value for name in SETTABLE if (value := getattr(request, name)) is not None}
    chosen, guidance = defaults | asked, guidance_named(request.guidance)
    generation = kind(
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
        opening=opening.given,
        worse=worse_system(guidance, pipe),
        files=request.sources(),
        progress=told(request, pipe),
    )
    generation.strategy = settled_strategy(request, generation)
    return generation


def told(request: Request, pipe: Parts) -> AfterStep | None:
    """Return what is called after every step of a request, if its user wants to be told."""
    callback = request.callback_on_step_end
    if callback is None:
        return None
    return lambda step, t, x0: callback(pipe, step - 1, float(t.max()), {"latents": x0})


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
    is_cached = isinstance(strategy, Autoregressive) and strategy.cached
    if is_cached and generation.num_given % pipe.denoiser.chunk:
        raise UserError(
            f"This model caches {pipe.denoiser.chunk} latent frames at a time, and the picture or "
            f"clip to start from fills {generation.num_given}: choose another strategy, such as "
            "sliding."
        )
    last_window = None
    if isinstance(strategy, Whole | Sliding):
        joins = dataclasses.replace(generation, strategy=strategy).joins()
        last_window = joins[-1] if joins else generation.shift
    for story in generation.stories:
        warn_of_late_parts(story, generation.total, last_window)
    return strategy


def encoded(pipe: Parts, frames: np.ndarray | None, whole_latents: bool = False) -> Tensor | None:
    """Return the latents of uint8 frames (f h w 3), 1 c f' h' w'; of None, None.

    With `whole_latents`, take the most frames, from the end, that fill whole latents: 4 (n - 1) + 1
    for a codec with a factor of 4 in time.
    """
    if frames is None:
        return None
    if whole_latents:
        factor = pipe.codec.factors[0]
        frames = frames[-((len(frames) - 1) // factor * factor + 1) :]
    latents: Tensor = pipe.codec.encode(clips.to_tensor(frames)[None].to(pipe.device))
    return latents


def worse_system(guidance: Guidance, pipe: Parts) -> Parts | None:
    """Read the system that autoguidance leads away from; None for other guidance.

    Raises:
        UserError: if it denoises other latents, or on another path.
    """
    if not isinstance(guidance, Autoguidance):
        return None
    worse = Parts.load(guidance.model).to(pipe.device)
    if latents_of(worse) != latents_of(pipe):
        raise UserError(
            f"{guidance.model} has another codec or path than {pipe.name or 'this system'}: "
            "autoguidance contrasts two denoisers of the same latents."
        )
    return worse


def latents_of(pipe: Parts) -> tuple[str, str, str]:
    """Return what tells the noised latents of a system from those of another: path and codec."""
    weights = pipe.codec.state_dict() if isinstance(pipe.codec, torch.nn.Module) else {}
    return pipe.system.path, type(pipe.codec).__name__, digest(weights.values())


def settled_size(request: Request, system: System, multiple: tuple[int, int]) -> tuple[int, int]:
    """Return the height and width to be made: those asked for, of the clip, or of the system.

    Raises:
        UserError: if they are larger than the system makes.
    """
    source = request.continue_from if request.video is None else request.video
    default = system.size if source is None else size_of(source)
    size = default if request.size is None else request.size
    height, width = size if isinstance(size, Sequence) else (size, size)
    wanted = int(height), int(width)
    if request.height is not None or request.width is not None:
        wanted = (request.height or default[0], request.width or default[1])
    if wanted != default and max(wanted) > system.max_size:
        raise UserError(
            f"This model makes at most {system.max_size} pixels a side, not "
            f"{wanted[0]}x{wanted[1]}: ask for a smaller size."
        )
    made = possible_size(wanted, multiple, system.max_size)
    if made != system.size:
        notify(
            f"This model was trained at {system.size[0]}x{system.size[1]} pixels: at "
            f"{made[0]}x{made[1]} expect objects that are repeated, cut or out of shape."
        )
    return made


def possible_size(
    wanted: tuple[int, int], multiple: tuple[int, int], max_size: int
) -> tuple[int, int]:
    """Return the size nearest to `wanted` that can be made, and tell if it is another."""
    height, width = (
        min(max(round(side / step), 1), max(max_size // step, 1)) * step
        for side, step in zip(wanted, multiple, strict=True)
    )
    if (height, width) != wanted:
        notify(
            f"This model cannot make {wanted[0]}x{wanted[1]} pixels; it makes {height}x{width}: "
            f"heights are multiples of {multiple[0]}, widths of {multiple[1]}, up to {max_size}."
        )
    return height, width


def warn_of_unknown_words(pipe: Parts, prompts: list[str]) -> None:
    """Tell of what has no effect: a word never seen, or all of them."""
    if not pipe.system.takes_prompts:
        if any(prompt.strip() for prompt in prompts):
            notify("This model was made without text: the prompt has no effect, leave it out.")
        return
    words = [word for prompt in prompts for word in pipe.text.unknown_words(prompt)]
    if words:
        named = ", ".join(f'"{word}"' for word in dict.fromkeys(words))
        notify(f"This model has never seen {named}: what you mean by it will not show.")
