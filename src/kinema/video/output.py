"""What a pipeline returns: frames, and everything needed to make them again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kinema import clips
from kinema.clips import Clip


@dataclass
class Output:
    """Videos made from prompts.

    Attributes:
        frames: uint8 `(n, f, h, w, 3)`.
        fps: frames per second.
        prompts: one a video.
        seeds: one a video; this seed alone makes the same frames again.
        settings: what else the videos depend on, as JSON values.
    """

    frames: np.ndarray
    fps: float
    prompts: list[str]
    seeds: list[int]
    settings: dict[str, Any] = field(default_factory=dict)

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
        """The videos as clips that carry their prompt, seed and settings."""
        rows = zip(self.frames, self.prompts, self.seeds, strict=True)
        return [
            Clip(
                frames,
                self.fps,
                prompt,
                {"prompt": prompt, "seed": seed, "settings": self.settings},
            )
            for frames, prompt, seed in rows
        ]

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
