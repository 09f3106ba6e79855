"""What a pipeline returns: frames, and everything needed to make them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from PIL import Image
from torch import Tensor

from kinema import clips
from kinema.clips import Clip
from kinema.errors import UserError
from kinema.video.request import OutputType, parse_story


@dataclass
class Output:
    """Videos made from prompts.

    Attributes:
        frames: what `output_type` asked for, by default uint8 `(n, f, h, w, 3)`.
        fps: frames per second.
        prompts: one a video.
        seeds: one a video; this seed alone makes the same frames again.
        settings: what else the videos depend on, as JSON values.
        joins: the frames at which a strategy began something new.
        output_type: what the frames are.
    """

    frames: Any
    fps: float
    prompts: list[str]
    seeds: list[int]
    settings: dict[str, Any] = field(default_factory=dict)
    joins: list[int] = field(default_factory=list)
    output_type: OutputType = "np"

    @property
    def prompt(self) -> str:
        """The prompt of the first video."""
        return self.prompts[0]

    @property
    def seed(self) -> int:
        """The seed of the first video."""
        return self.seeds[0]

    @property
    def clips(self) -> list[Clip]:
        """The videos as clips that carry their prompt, seed and settings.

        Raises:
            UserError: for latents, which are no frames.
        """
        rows = zip(self.arrays(), self.prompts, self.seeds, strict=True)
        return [
            Clip(frames, self.fps, prompt, provenance(prompt, seed, self.settings, self.joins))
            for frames, prompt, seed in rows
        ]

    def arrays(self) -> list[np.ndarray]:
        """Return the frames of every video as uint8 (f h w 3).

        Raises:
            UserError: for latents.
        """
        if self.output_type == "latent":
            raise UserError("Latents are no frames: leave output_type out to save a video.")
        if self.output_type == "pil":
            return [np.stack([np.asarray(picture) for picture in clip]) for clip in self.frames]
        if self.output_type == "pt":
            return list(clips.to_frames(rearrange(self.frames, "b f c h w -> b c f h w") * 2 - 1))
        return list(self.frames)

    def save(self, path: str | Path) -> list[Path]:
        """Write the videos; the suffix chooses mp4, gif, webp or mkv.

        One video is written to `path`. Several are numbered, ball-0.mp4, ball-1.mp4, ..., and
        ball.png shows them side by side.

        Returns:
            the files written.

        Raises:
            UserError: for an unknown suffix, a full disk or a folder that cannot be written.
        """
        path = Path(path)
        videos = self.clips
        if len(videos) == 1:
            return [clips.write(videos[0], path)]
        names = [path.with_stem(f"{path.stem}-{k}") for k in range(len(videos))]
        written = [clips.write(clip, name) for clip, name in zip(videos, names, strict=True)]
        labels = [f"{clip.text}  (seed {clip.metadata['seed']})" for clip in videos]
        return [*written, clips.contact_sheet(videos, path.with_suffix(".png"), labels)]


def provenance(
    prompt: str, seed: int, settings: dict[str, Any], joins: list[int]
) -> dict[str, Any]:
    """Return what goes into the file of a video, as JSON values: how to make it again."""
    story = [list(part) for part in parse_story(prompt)]
    settings = {**settings, "story": story, "first_seed": seed}
    return {"prompt": prompt, "seed": seed, "settings": settings, "joins": joins}


def converted(video: Tensor, output_type: OutputType) -> Any:
    """Return videos, b 3 f h w in [-1, 1], as what a user asked for; latents stay as they are.

    "np" is uint8 (b, f, h, w, 3); "pt" a float32 tensor (b, f, 3, h, w) in [0, 1], as diffusers has
    it; "pil" a list of pictures for each video.
    """
    if output_type == "latent":
        return video
    if output_type == "pt":
        return rearrange((video.float() + 1) / 2, "b c f h w -> b f c h w")
    frames = clips.to_frames(video)
    if output_type == "np":
        return frames
    return [[Image.fromarray(frame) for frame in clip] for clip in frames]


def appended(parts: Sequence[Any]) -> Any:
    """Return the videos of several batches as one."""
    if isinstance(parts[0], Tensor):
        return torch.cat(list(parts))
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return [video for part in parts for video in part]
