"""A prompt becomes a video: encode the text, walk a plan from noise, decode.

Text to video, a first frame given and continuation differ in one place, the plan: which columns
stay at 0, and the latents known there (`window`). A continuation slides that window along.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from einops import repeat
from huggingface_hub import HfApi
from torch import Tensor, nn

from kinema import clips
from kinema.conditions import Conditions
from kinema.diffusion import PATHS, noise_like_rows
from kinema.errors import Notice
from kinema.sampling import SOLVERS, Denoise, DenoiseFn, classifier_free, plans, sample
from kinema.sampling.rollout import SEED_STRIDE
from kinema.video.opening import Opening, open_with
from kinema.video.output import Output
from kinema.video.progress import step_bar
from kinema.video.request import Request, Settings, settle
from kinema.video.system import (
    PARTS,
    System,
    find,
    kind_of,
    load_part,
    read_system,
    write_system,
)

Progress = Callable[[int, float, Tensor], None]  # (step, t after it, the x0 estimated)


class Window(NamedTuple):
    """One walk from noise: how many frames, how many given, how many not new in the result."""

    num_frames: int
    num_given: int
    num_skipped: int


class VideoPipeline(nn.Module):
    """A whole text-to-video system.

    Args:
        denoiser: `denoiser(x, t, conditions)`, one of `kinema.denoisers.DENOISERS`.
        codec: frames to latents and back, one of `kinema.video.CODECS`.
        text: `text(prompts) -> Text`, one of `kinema.video.TEXT_ENCODERS`.
        system: how they belong together; names its parts by what they are.
        name: what the system is called in the settings of its videos.
    """

    def __init__(
        self, denoiser: nn.Module, codec: Any, text: nn.Module, system: System, name: str = ""
    ) -> None:
        super().__init__()
        self.denoiser, self.codec, self.text = denoiser, codec, text
        self.system = replace(
            system,
            denoiser=kind_of("denoiser", denoiser),
            codec=kind_of("codec", codec),
            text=kind_of("text", text),
        )
        self.name = name

    # Loading and saving -------------------------------------------------------------------------

    @classmethod
    def from_pretrained(cls, name: str | Path) -> VideoPipeline:
        """Load a system.

        Args:
            name: one that ships ("tabletop"), a folder ("./tabletop"), or a repository of the
                Hugging Face hub ("owner/name").

        Raises:
            UserError: if it is not there, or a file in it is missing, corrupt or foreign.
        """
        folder = find(name)
        system = read_system(folder)
        parts = {part: load_part(folder, part, getattr(system, part)) for part in PARTS}
        return cls(**parts, system=system, name=str(name)).eval().requires_grad_(False)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the system as a folder that `from_pretrained` reads."""
        write_system(self.system, {part: getattr(self, part) for part in PARTS}, Path(folder))

    def push_to_hub(self, repo_id: str, *, private: bool = False, token: str | None = None) -> str:
        """Upload the system to the Hugging Face hub.

        Args:
            repo_id: "owner/name"; the repository is made if it is not there.
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

    @property
    def device(self) -> torch.device:
        """Where the denoiser lies; `.to(device)` moves the whole system."""
        return next(self.denoiser.parameters()).device

    @property
    def multiple(self) -> tuple[int, int]:
        """Heights and widths that can be made are multiples of these: whole latents."""
        return self.codec.factors[1:]

    @torch.no_grad()
    def forward(self, prompt: str | Sequence[str], **options: Any) -> Output:
        """Make videos.

        Args:
            prompt: what to show; a list makes one video of each. For a system without text, "".
            **options: the other fields of `Request`, among them num_frames, size, fps, seed,
                num_steps, guidance_scale, negative_prompt, image, continue_from, num_videos.

        Returns:
            uint8 frames `(n, f, h, w, 3)` with their prompts, seeds and settings. A video is the
            same, to one grey level, alone and in any batch.

        Raises:
            UserError: for an empty prompt, an unreadable image or clip, an unknown option.
        """
        request = Request.of(prompt, options)
        prompts = request.prompts(self.system)
        seeds = request.seeds(len(prompts))
        self.warn_of_unknown_words([*prompts, request.negative_prompt])
        settings = settle(request, self.system, self.multiple)
        opening = open_with(request, settings, self.system.fps)
        windows = self._windows(settings, opening)
        starts = range(0, len(seeds), request.batch_size)
        batches = [slice(start, start + request.batch_size) for start in starts]
        total = len(batches) * len(windows) * settings.num_steps
        with step_bar(total, shown=request.progress) as advance:
            tell = self._teller(request, advance)
            made = [
                self._make(prompts[rows], seeds[rows], opening, windows, settings, tell)
                for rows in batches
            ]
        frames = np.concatenate(made)
        if opening.is_kept:
            before = repeat(opening.frames, "f h w c -> n f h w c", n=len(frames))
            frames = np.concatenate([before, frames], axis=1)
        record = {"model": self.name, **asdict(settings), **request.sources()}
        return Output(frames, settings.fps, prompts, seeds, record)

    @torch.no_grad()
    def complete(
        self, given: Tensor, num_frames: int, seeds: Sequence[int], num_steps: int | None = None
    ) -> Tensor:
        """Clips that begin with the given frames, without a prompt and in one window.

        Args:
            given: b 3 k h w in [-1, 1], k >= 1.
            num_frames: length of the clips, those given included.
            seeds: one per clip.
            num_steps: sampling steps; the system's own unless given.

        Returns:
            b 3 num_frames h w in [-1, 1].
        """
        size = (given.shape[3], given.shape[4])
        steps = num_steps or self.system.num_steps
        settings = Settings(num_frames, size, self.system.fps, steps, 1.0, "")
        denoise = self.denoise_for([""] * len(given), settings)
        return self._window(denoise, given, num_frames, list(seeds), settings, lambda *_: None)

    def _make(
        self,
        prompts: list[str],
        seeds: list[int],
        opening: Opening,
        windows: list[Window],
        settings: Settings,
        tell: Progress,
    ) -> np.ndarray:
        """The new frames of a batch, uint8 (n, f, h, w, 3), window by window."""
        denoise = self.denoise_for(prompts, settings)
        context = torch.empty(len(seeds), 3, 0, *settings.size, device=self.device)
        if opening.frames is not None:
            start = clips.to_tensor(opening.frames).to(self.device)
            context = repeat(start, "c f h w -> n c f h w", n=len(seeds))
        made = []
        for number, window in enumerate(windows):
            given = context[:, :, context.shape[2] - window.num_given :]
            own = [seed + number * SEED_STRIDE for seed in seeds]
            frames = self._window(denoise, given, window.num_frames, own, settings, tell)
            made.append(frames[:, :, window.num_skipped :])
            context = torch.cat([context, made[-1]], dim=2)
        return clips.to_frames(torch.cat(made, dim=2))

    def _window(
        self,
        denoise: DenoiseFn,
        given: Tensor,
        num_frames: int,
        seeds: list[int],
        settings: Settings,
        tell: Progress,
    ) -> Tensor:
        """Frames b 3 f h w in [-1, 1], of which the first are to look like `given` (b 3 k h w)."""
        shape = (len(seeds), *self.codec.latent_shape(num_frames, *settings.size))
        known = torch.zeros(shape, device=self.device)  # b c f' h' w'
        num_given = 0
        if given.shape[2]:
            latents = self.codec.encode(given)
            num_given = latents.shape[2]
            known[:, :, :num_given] = latents
        system, steps = self.system, settings.num_steps
        plan = plans.given_frames(steps, shape[2], num_given, system.shift)
        latents = sample(
            denoise,
            noise_like_rows(shape, seeds).to(self.device),
            plan,
            solver=SOLVERS[system.solver],
            path=PATHS[system.path],
            known=known,
            seeds=seeds,
            progress=lambda i, n, x0: tell(i, float(plan[i].max()), x0),
        )
        return self.codec.decode(latents, num_frames, settings.size).clamp(-1, 1)

    def denoise_for(self, prompts: list[str], settings: Settings) -> DenoiseFn:
        """Network, prompts and guidance folded into one function."""
        path = PATHS[self.system.path]

        def steered_by(texts: list[str]) -> Denoise:
            conditions = Conditions(text=self.text(texts))
            return Denoise(self.denoiser, path, self.system.prediction, conditions)

        away = [settings.negative_prompt] * len(prompts)
        return classifier_free(steered_by(prompts), steered_by(away), settings.guidance_scale)

    def _windows(self, settings: Settings, opening: Opening) -> list[Window]:
        """One window; a long continuation takes several, each seeing the end of the one before."""
        num_given = 0 if opening.frames is None else len(opening.frames)
        if not opening.is_kept:
            return [Window(settings.num_frames, num_given, num_skipped=0)]
        windows, there, missing = [], num_given, settings.num_frames
        while missing:
            k = self.usable(min(self.system.overlap, there))
            new = min(missing, max(self.system.num_frames - k, 1))
            windows.append(Window(k + new, num_given=k, num_skipped=k))
            there, missing = there + new, missing - new
        return windows

    def usable(self, num_frames: int) -> int:
        """The most of `num_frames` frames that fill whole latents: 4 (n - 1) + 1 for a factor 4."""
        factor = self.codec.factors[0]
        return (num_frames - 1) // factor * factor + 1

    def _teller(self, request: Request, advance: Callable[[], None]) -> Progress:
        """Called after each step: moves the bar, and tells whoever asked to be told."""
        callback = request.callback_on_step_end

        def tell(step: int, t: float, x0: Tensor) -> None:
            advance()
            if callback is not None:
                callback(self, step - 1, t, {"latents": x0})

        return tell

    def warn_of_unknown_words(self, prompts: list[str]) -> None:
        """Tell of what has no effect: a word never seen, or all of them."""
        if not self.system.takes_prompts:
            if any(prompt.strip() for prompt in prompts):
                warnings.warn(
                    "This model was made without text: the prompt has no effect, leave it out.",
                    Notice,
                    stacklevel=3,
                )
            return
        words = [word for prompt in prompts for word in self.text.unknown_words(prompt)]
        if words:
            named = ", ".join(f'"{word}"' for word in dict.fromkeys(words))
            warnings.warn(
                f"This model has never seen {named}: what you mean by it will not show.",
                Notice,
                stacklevel=3,
            )


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
