"""A prompt becomes a video: the whole system, loaded, called and saved.

Text to video, a first frame given, continuation and video to video differ in one place, the plan:
which columns stay at 0, and where the others begin. `settle` and `Generation` do the work. What
comes back is an `Output`: frames, and everything needed to make them again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange, repeat
from huggingface_hub import HfApi
from PIL import Image
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor, nn

from kinema import clips
from kinema.blocks.precision import check_precision, computing_in, flushed_denormals
from kinema.clips import Clip
from kinema.errors import UserError
from kinema.sampling import ClassifierFree
from kinema.sampling.rollout import Whole, joined
from kinema.video.generation import Generation
from kinema.video.request import OutputType, Request, parse_story
from kinema.video.settling import settle, warn_of_cut
from kinema.video.system import PARTS, Parts, write_system


@dataclass
class Output:
    """Videos made from prompts."""

    frames: Any  # what `output_type` asked for, by default uint8 `(n, f, h, w, 3)`
    fps: float  # frames per second
    prompts: list[str]  # one a video
    seeds: list[int]  # one a video; this seed alone makes the same frames again
    # what else the videos depend on, as JSON values
    settings: dict[str, Any] = field(default_factory=dict)
    # the frames at which a strategy began something new
    joins: list[int] = field(default_factory=list)
    output_type: OutputType = "np"  # what the frames are

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
        """Return the frames of every video as uint8 (f h w 3); raise a UserError for latents."""
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


@contextmanager
def steps_of(denoiser: nn.Module, total: int, shown: bool) -> Iterator[None]:
    """Show a bar that moves with the calls of a denoiser, of which there will be about `total`."""
    with step_bar(total, shown) as advance:
        watch = denoiser.register_forward_hook(lambda *_: advance())
        try:
            yield
        finally:
            watch.remove()


@contextmanager
def step_bar(total: int, shown: bool) -> Iterator[Callable[[], None]]:
    """Yield a function to call after every step; nothing is printed where nobody watches."""
    console = Console(stderr=True)
    columns = (
        TextColumn("making"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    hidden = not (shown and console.is_terminal)
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)


class VideoPipeline(Parts):
    """A whole text-to-video system, made of its `Parts`."""

    precision = "fp32"
    generation = Generation  # what makes the latents of its videos

    # Loading and saving -------------------------------------------------------------------------

    @classmethod
    @flushed_denormals()
    def from_pretrained(cls, name: str | Path, precision: str = "fp32") -> VideoPipeline:
        """Load a system; see `Parts.load` for its name, and `kinema.load` for the precision.

        Raises:
            UserError: if the precision is unknown, and where `Parts.load` raises one.
        """
        check_precision(precision)
        pipe = cls.load(name)
        pipe.precision = precision
        return pipe

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the system as a folder that `from_pretrained` reads."""
        write_system(self.system, {part: getattr(self, part) for part in PARTS}, Path(folder))

    def push_to_hub(self, repo_id: str, *, private: bool = False, token: str | None = None) -> str:
        """Upload the system to a repository of the Hugging Face hub, which is made if need be.

        Args:
            repo_id: "owner/name".
            private: whether a new repository is private.
            token: by default the one that `hf auth login` stored.

        Returns:
            the address of the commit.
        """
        api = HfApi(token=token)
        api.create_repo(repo_id, private=private, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            Path(folder, "README.md").write_text(CARD.format(repo_id=repo_id))
            return str(api.upload_folder(repo_id=repo_id, folder_path=folder))

    # Making videos ------------------------------------------------------------------------------

    @torch.no_grad()
    def forward(self, prompt: str | Sequence[str], **options: Any) -> Output:
        """Make videos.

        Args:
            prompt: what to show; a list makes one video of each. For a system without text, "".
            **options: the other fields of `Request`, among them num_frames, size, fps, seed,
                num_steps, guidance_scale, negative_prompt, image, continue_from, num_videos.

        Returns:
            frames, by default uint8 `(n, f, h, w, 3)`, with their prompts, seeds and settings. A
            video is the same, to one grey level, alone and in any batch.

        Raises:
            UserError: for an empty prompt, an unreadable image or clip, an unknown option.
        """
        request = Request.of(prompt, options)
        whole = settle(request, self, self.generation)
        starts = range(0, len(whole.seeds), request.batch_size)
        batches = [whole.of(slice(start, start + request.batch_size)) for start in starts]
        steps = steps_of(self.denoiser, whole.calls() * len(batches), request.progress)
        with steps, computing_in(self.precision, self.device.type):
            made = [made_as(batch, request.output_type) for batch in batches]
        output = Output(
            appended(made), whole.fps, request.all_prompts(), whole.seeds, whole.record(),
            whole.joins(), request.output_type,
        )  # fmt: skip
        if request.image is not None and request.output_type != "latent":
            for frames in output.arrays():
                warn_of_cut(frames)
        return output

    @torch.no_grad()
    def complete(
        self, given: Tensor, num_frames: int, seeds: Sequence[int], num_steps: int | None = None
    ) -> Tensor:
        """Make clips that begin with the given frames, without a prompt and in one window.

        Args:
            given: b 3 k h w in [-1, 1], k >= 1.
            num_frames: length of the clips, those given included.
            seeds: one per clip.
            num_steps: sampling steps; the system's own unless given.

        Returns:
            b 3 num_frames h w in [-1, 1].
        """
        count, size = len(given), (given.shape[3], given.shape[4])
        story, steps = [(0, "")], num_steps or self.system.num_steps
        return Generation(
            self, [story] * count, [""] * count, list(seeds), num_frames, size, self.system.fps,
            steps, 1.0, ClassifierFree(), Whole(), self.codec.encode(given),
        ).video()  # fmt: skip


def made_as(generation: Generation, output_type: OutputType) -> Any:
    """Make videos, and return them as what was asked for, a clip that they go on from before."""
    if output_type == "latent":
        return joined(generation.segments())
    video = generation.video()
    if generation.num_kept:
        kept = clips.to_tensor(np.stack(list(generation.kept()))).to(video)
        video = torch.cat([repeat(kept, "c f h w -> n c f h w", n=len(video)), video], dim=2)
    return converted(video, output_type)


CARD = """---
library_name: kinema
pipeline_tag: text-to-video
---
A text-to-video system for [kinema](https://pypi.org/project/kinema).

```python
import kinema

kinema.load("{repo_id}")("a red ball rolls to the right", seed=0).save("ball.mp4")
```
"""
