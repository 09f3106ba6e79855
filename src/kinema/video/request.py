"""What is asked of a pipeline: every option of a video, and prompts that change on the way."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from PIL import Image

from kinema.clips import Clip
from kinema.errors import UserError, nearest, notify
from kinema.fields import LARGEST, Between, Side, check_fields
from kinema.sampling import ClassifierFree, Guidance, guidance_named
from kinema.sampling.rollout import Strategy

ALIASES = {  # names that users of diffusers type
    "num_inference_steps": "num_steps",
    "num_videos_per_prompt": "num_videos",
    "frame_rate": "fps",
}
OutputType = Literal["np", "pt", "pil", "latent"]
Story = list[tuple[int, str]]  # (first frame, prompt) of every part
Many = Annotated[int, Between(1, 10**5)]
AnySeed = Annotated[int, Between(0, LARGEST)]
PART = re.compile(r"\s*(\d+)\s*:\s*(.*?)\s*", re.S)


@dataclass
class Request:
    """A video wished for; None takes the system's default.

    Raises:
        UserError: if a value makes no sense.
    """

    # what to show, or a story, "0: ...; 120: ..."; a list makes one video of each
    prompt: str | Sequence[str]
    # what guidance leads away from; "" is the null prompt. A list names one for each prompt.
    negative_prompt: str | Sequence[str] = ""
    # how many frames to make; with `continue_from`, how many new ones
    num_frames: Annotated[int, Between(1, 10**7)] | None = None
    # height and width in pixels, or one number for both
    size: Side | tuple[Side, Side] | None = None
    height: Side | None = None  # in pixels, in the place of `size`
    width: Side | None = None  # in pixels, in the place of `size`
    # frames per second of the result; it changes how fast it plays, not what it shows
    fps: Annotated[float, Between(1e-3, 1e3)] | None = None
    # video k of the batch uses seed + k; a list gives each its own
    seed: AnySeed | Sequence[AnySeed] = 0
    num_steps: Many | None = None  # sampling steps (also: `num_inference_steps`)
    # how strictly to follow the prompt; 1 is off
    guidance_scale: Annotated[float, Between(-1e4, 1e4)] | None = None
    # how to follow it: a spec, or its name, "adaptive-projected:eta=0.5"
    guidance: Guidance | str | dict[str, Any] = field(default_factory=ClassifierFree)
    # the first frame, as a file, a picture or uint8 `(h, w, 3)`; cropped to the size
    image: str | Path | np.ndarray | Image.Image | None = None
    # a clip to go on from, as a file or a Clip; the result begins with it
    continue_from: str | Path | Clip | None = None
    video: str | Path | Clip | None = None  # a clip to be made anew, as a file or a Clip
    # how much of `video` to change, in (0, 1]; 1 keeps nothing of it
    strength: Annotated[float, Between(1e-6, 1)] = 0.6
    # how windows become a video, as `kinema.sampling.rollout` has it, or its name. By default one
    # window, and a sliding one where the model was trained on fewer frames.
    strategy: Strategy | str | None = None
    num_videos: Many = 1  # how many videos of each prompt
    batch_size: Many = 8  # how many are made at a time; the frames do not depend on it
    # a torch.Generator, or one for each video, which draws the seeds: called again, it draws
    # others. A new one draws the seed that it was made with.
    generator: torch.Generator | Sequence[torch.Generator] | None = None
    # what the frames of the result are: "np", uint8 `(n, f, h, w, 3)`; "pt", a tensor `(n, f, 3, h,
    # w)` in [0, 1]; "pil", a list of pictures for each video; "latent"
    output_type: OutputType = "np"
    progress: bool = True  # whether to show a bar on a terminal
    # called after each step with (pipeline, step, t, {"latents": x0}), x0 being the clean latents
    # as the step sees them; what it returns is not used
    callback_on_step_end: Callable[[Any, int, float, dict[str, Any]], Any] | None = None

    @classmethod
    def of(cls, prompt: str | Sequence[str], options: dict[str, Any]) -> Request:
        """Make a request from keyword arguments, and refuse unknown ones with the nearest name."""
        options = {ALIASES.get(name, name): value for name, value in options.items()}
        known = [option.name for option in dataclasses.fields(cls)]
        for name in options:
            if name not in known:
                raise UserError(f"A pipeline has no option {name!r}; {nearest(name, known)}")
        return cls(prompt, **options)

    def __post_init__(self) -> None:
        if len(self.starts) > 1:
            raise UserError(f"Give one of {' and '.join(self.starts)} to start from, not both.")
        if self.size is not None and (self.height is not None or self.width is not None):
            raise UserError("Give either a size or a height and a width, not both.")
        self.guidance = guidance_named(self.guidance)
        check_fields(self, "Option ")

    def stories(self, takes_prompts: bool) -> list[Story]:
        """Return the story of every video: each prompt `num_videos` times.

        Raises:
            UserError: if one is empty although prompts have an effect, or is no story although it
                begins as one.
        """
        prompts = self.all_prompts()
        if not prompts or (takes_prompts and not all(prompt.strip() for prompt in prompts)):
            raise UserError(
                "The prompt is empty: say what the video shows, for example "
                '"a red ball rolls to the right behind a blue cube".'
            )
        return [parse_story(prompt) for prompt in prompts]

    def all_prompts(self) -> list[str]:
        """Return the prompt of every video."""
        prompts = [self.prompt] if isinstance(self.prompt, str) else list(self.prompt)
        return [prompt for prompt in prompts for _ in range(self.num_videos)]

    def negative_prompts(self, count: int) -> list[str]:
        """Return the negative prompt of every one of `count` videos."""
        if isinstance(self.negative_prompt, str):
            return [self.negative_prompt] * count
        negative = [text for text in self.negative_prompt for _ in range(self.num_videos)]
        if len(negative) != count:
            raise UserError(
                f"{count // self.num_videos} prompts need as many negative prompts or one, not "
                f"{len(self.negative_prompt)}."
            )
        return negative

    def seeds(self, count: int) -> list[int]:
        """Return the seed of every one of `count` videos; a generator draws them."""
        if isinstance(self.generator, torch.Generator):
            first = drawn_seed(self.generator)
            return [first + k for k in range(count)]
        if self.generator is not None:
            seeds = [drawn_seed(generator) for generator in self.generator]
        elif isinstance(self.seed, int | np.integer):
            return [int(self.seed) + k for k in range(count)]
        else:
            seeds = [int(seed) for seed in self.seed]
        if len(seeds) != count:
            raise UserError(f"{count} videos need {count} seeds or one, not {len(seeds)}.")
        return seeds

    @property
    def starts(self) -> dict[str, Any]:
        """What it starts from, by the name of the option."""
        named = {"image": self.image, "continue_from": self.continue_from, "video": self.video}
        return {name: start for name, start in named.items() if start is not None}

    def sources(self) -> dict[str, str]:
        """Return the files it starts from, for the record."""
        return {name: str(f) for name, f in self.starts.items() if isinstance(f, str | Path)}


def drawn_seed(generator: torch.Generator) -> int:
    """Return a seed that a generator draws; a new generator draws the seed it was made with."""
    new = torch.Generator(generator.device).manual_seed(generator.initial_seed())
    is_new = torch.equal(generator.get_state(), new.get_state())
    drawn = torch.randint(2**62, (1,), generator=generator, device=generator.device)
    return generator.initial_seed() % 2**63 if is_new else int(drawn)


# ---- stories -------------------------------------------------------------------------------------


def parse_story(prompt: str) -> Story:
    """Return (first frame, prompt) of every part of a story, ascending from frame 0.

    A prompt that does not begin with a number and a colon, as in "0: a red ball rolls to the right;
    120: it stops", is one part.

    Raises:
        UserError: if the parts do not begin at 0, do not go up, or one says nothing.
    """
    if not re.match(r"\s*(0\s*:|\d+\s*:\s)", prompt):
        return [(0, prompt)]
    parts = []
    for text in filter(str.strip, prompt.split(";")):
        found = PART.fullmatch(text)
        if found is None or not found[2]:
            raise UserError(
                f"The part {text.strip()!r} of the prompt is not `FRAME: PROMPT`; write "
                '"0: a red ball rolls to the right; 120: a red ball rolls to the left".'
            )
        parts.append((int(found[1]), found[2]))
    starts = [start for start, _ in parts]
    if starts[0] != 0 or starts != sorted(set(starts)):
        raise UserError(f"The parts of a prompt begin at frame 0 and go up, not {starts}.")
    return parts


def prompt_at(story: Story, frame: int) -> str:
    """Return the prompt in force at a frame."""
    return next(text for start, text in reversed(story) if start <= frame)


def warn_of_late_parts(story: Story, num_frames: int, last_window: int | None = None) -> None:
    """Tell of the parts of a story that the video never comes to.

    `last_window` is where the last window begins, if the prompt of a window is that of its start.
    """
    late = [f"{start}: {text}" for start, text in story if start >= num_frames]
    if late:
        notify(
            f"The video ends with frame {num_frames - 1}, so it never comes to {'; '.join(late)}."
        )
    unheard = [start for start, _ in story if last_window is not None and start > last_window]
    unheard = [start for start in unheard if start < num_frames]
    if unheard:
        notify(
            f"The last window of the video begins at frame {last_window}, so the prompt of frame "
            f"{unheard[0]} has no effect: make a longer video, or take --long splice or rolling."
        )
