"""A prompt becomes a video: the whole system, loaded, called and saved.

Text to video, a first frame given, continuation and video to video differ in one place, the plan:
which columns stay at 0, and where the others begin. `settle` and `Generation` do the work.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import repeat
from huggingface_hub import HfApi
from torch import Tensor, nn

from kinema import clips
from kinema.blocks.precision import check_precision, computing_in
from kinema.sampling import ClassifierFree
from kinema.sampling.rollout import Whole, joined
from kinema.sampling.sample import Progress
from kinema.video.generation import Generation, device_of
from kinema.video.opening import warn_of_cut
from kinema.video.output import Output, appended, converted
from kinema.video.progress import steps_of
from kinema.video.request import OutputType, Request
from kinema.video.settling import settle
from kinema.video.system import PARTS, System, kind_of, load, write_system


class VideoPipeline(nn.Module):
    """A whole text-to-video system.

    Args:
        denoiser: `denoiser(x, t, conditions)`, one of `kinema.denoisers.DENOISERS`.
        codec: frames to latents and back, one of `kinema.video.CODECS`.
        text: `text(prompts) -> Tokens`, one of `kinema.video.TEXT_ENCODERS`.
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
        self.name, self.precision = name, "fp32"

    # Loading and saving -------------------------------------------------------------------------

    @classmethod
    def from_pretrained(cls, name: str | Path, precision: str = "fp32") -> VideoPipeline:
        """Load a system.

        Args:
            name: one that ships ("tabletop"), a folder ("./tabletop"), or a repository of the
                Hugging Face hub ("owner/name").
            precision: in which videos are made, as in `kinema.load`.

        Raises:
            UserError: if the precision is unknown, or the system is not there, or a file in it is
                missing, corrupt or foreign.
        """
        check_precision(precision)
        found = load(name)
        pipe = cls(found.denoiser, found.codec, found.text, found.system, found.name)
        pipe.precision = precision
        return pipe.eval().requires_grad_(False)

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
        return device_of(self)

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
        whole = settle(request, self, self.told(request))
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

    def told(self, request: Request) -> Progress | None:
        """Return what is called after every step of a request, if its user wants to be told."""
        callback = request.callback_on_step_end
        if callback is None:
            return None
        return lambda step, t, x0: callback(self, step - 1, float(t.max()), {"latents": x0})


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
