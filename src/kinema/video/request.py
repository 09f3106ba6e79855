"""What is asked of a pipeline, and what it comes to for a given system."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kinema import clips
from kinema.clips import Clip
from kinema.errors import Notice, UserError
from kinema.storage.pretrained import nearest
from kinema.video.system import System

ALIASES = {  # names that users of diffusers type
    "num_inference_steps": "num_steps",
    "num_videos_per_prompt": "num_videos",
    "frame_rate": "fps",
}


SETTABLE = ("num_frames", "size", "fps", "num_steps", "guidance_scale")


@dataclass
class Request:
    """A video wished for; None takes the system's default.

    Attributes:
        prompt: what to show; a list makes one video of each.
        negative_prompt: what guidance leads away from; "" is the null prompt.
        num_frames: how many frames to make; with `continue_from`, how many new ones.
        size: height and width in pixels, or one number for both.
        fps: frames per second of the result; it changes how fast it plays, not what it shows.
        seed: video k of the batch uses seed + k; a list gives each its own.
        num_steps: sampling steps (also: `num_inference_steps`).
        guidance_scale: how strictly to follow the prompt; 1 is off.
        image: the first frame, as a file or uint8 `(h, w, 3)`; cropped to the size.
        continue_from: a clip to go on from, as a file or a Clip; the result begins with it.
        num_videos: how many videos of each prompt.
        batch_size: how many are made at a time; the frames do not depend on it.
        generator: a torch.Generator, whose initial seed is taken as `seed`.
        progress: whether to show a bar on a terminal.
        callback_on_step_end: called after each step with (pipeline, step, t, {"latents": x0}),
            x0 being the clean latents as the step sees them; what it returns is not used.
    """

    prompt: str | Sequence[str]
    negative_prompt: str = ""
    num_frames: int | None = None
    size: int | tuple[int, int] | None = None
    fps: float | None = None
    seed: int | Sequence[int] = 0
    num_steps: int | None = None
    guidance_scale: float | None = None
    image: str | Path | np.ndarray | None = None
    continue_from: str | Path | Clip | None = None
    num_videos: int = 1
    batch_size: int = 8
    generator: torch.Generator | None = None
    progress: bool = True
    callback_on_step_end: Callable[[Any, int, float, dict[str, Any]], Any] | None = None

    @classmethod
    def of(cls, prompt: str | Sequence[str], options: dict[str, Any]) -> Request:
        """A request from keyword arguments, unknown ones refused with the nearest name."""
        options = {ALIASES.get(name, name): value for name, value in options.items()}
        known = [field.name for field in dataclasses.fields(cls)]
        for name in options:
            if name not in known:
                raise UserError(f"A pipeline has no option {name!r}; {nearest(name, known)}")
        return cls(prompt, **options)

    def __post_init__(self) -> None:
        if self.generator is not None:
            self.seed = self.generator.initial_seed()
        if self.image is not None and self.continue_from is not None:
            raise UserError("Give either an image to start from or a clip to continue, not both.")
        for name in ("num_frames", "num_steps", "num_videos", "batch_size", "fps"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"{name} is {value}: it must be more than 0.")

    def prompts(self, system: System) -> list[str]:
        """The prompt of every video: each prompt `num_videos` times.

        Raises:
            UserError: if one is empty and the system takes prompts.
        """
        prompts = [self.prompt] if isinstance(self.prompt, str) else list(self.prompt)
        is_said = all(prompt.strip() for prompt in prompts) or not system.takes_prompts
        if not prompts or not is_said:
            raise UserError(
                "The prompt is empty: say what the video shows, for example "
                '"a red ball rolls to the right behind a blue cube".'
            )
        return [prompt for prompt in prompts for _ in range(self.num_videos)]

    def sources(self) -> dict[str, str]:
        """The files it starts from, for the record."""
        named = {"image": self.image, "continue_from": self.continue_from}
        return {name: str(file) for name, file in named.items() if isinstance(file, str | Path)}

    def seeds(self, count: int) -> list[int]:
        """The seed of every one of `count` videos."""
        if isinstance(self.seed, int):
            return [self.seed + k for k in range(count)]
        seeds = [int(seed) for seed in self.seed]
        if len(seeds) != count:
            raise UserError(f"{count} videos need {count} seeds or one, not {len(seeds)}.")
        return seeds


@dataclass
class Settings:
    """A request with every default filled in: what the result depends on beside prompt and seed."""

    num_frames: int
    size: tuple[int, int]
    fps: float
    num_steps: int
    guidance_scale: float
    negative_prompt: str


def settle(request: Request, system: System, multiple: tuple[int, int]) -> Settings:
    """Fill in the defaults, and bring the size to one that the system can make.

    A continuation takes the size of its clip, and as many new frames as one window holds.

    Args:
        request: what was asked.
        system: whose defaults.
        multiple: the heights and widths that can be made are multiples of these.
    """
    defaults = {name: getattr(system, name) for name in SETTABLE}
    if request.continue_from is not None:
        defaults["size"] = size_of(request.continue_from)
        defaults["num_frames"] = max(system.num_frames - system.overlap, 1)
    asked = {name: getattr(request, name) for name in SETTABLE}
    chosen = {**defaults, **{name: value for name, value in asked.items() if value is not None}}
    size = chosen["size"]
    size = (size, size) if isinstance(size, int) else tuple(size)
    return Settings(
        num_frames=int(chosen["num_frames"]),
        size=possible_size(size, multiple, system.max_size),
        fps=float(chosen["fps"]),
        num_steps=int(chosen["num_steps"]),
        guidance_scale=float(chosen["guidance_scale"]),
        negative_prompt=request.negative_prompt,
    )


def size_of(source: str | Path | Clip) -> tuple[int, int]:
    """Height and width of a clip in memory or in a file."""
    if isinstance(source, Clip):
        return source.size
    info = clips.inspect(source)
    return info.height, info.width


def possible_size(
    wanted: tuple[int, ...], multiple: tuple[int, int], max_size: int
) -> tuple[int, int]:
    """The height and width nearest to `wanted` that can be made, with a notice if they differ.

    Raises:
        UserError: if `wanted` is not two positive numbers.
    """
    if len(wanted) != 2 or min(wanted) < 1:
        raise UserError(f"A size is a height and a width in pixels, such as 64x96, not {wanted}.")
    made = tuple(
        min(max(round(side / step), 1), max(max_size // step, 1)) * step
        for side, step in zip(wanted, multiple, strict=True)
    )
    if made != tuple(wanted):
        warnings.warn(
            f"This model cannot make {wanted[0]}x{wanted[1]} pixels; it makes {made[0]}x{made[1]}: "
            f"heights are multiples of {multiple[0]}, widths of {multiple[1]}, up to {max_size}.",
            Notice,
            stacklevel=2,
        )
    return made[0], made[1]
