"""The same small network learns the latents of every codec, and its samples are decoded.

Network, text encoder, noise levels, optimizer and seeds are those of the ladder; only the latents
differ, every channel of which is brought to zero mean and unit variance.

Axes: n clips, b batch, c channels, f frames, h height, w width.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kinema.clips import to_frames
from kinema.codecs import Codec
from kinema.denoisers import named_config
from kinema.diffusion import noise_like_rows
from kinema.errors import UserError
from kinema.interop import codec_fingerprint, load_codec
from kinema.training import Shards
from kinema.training.sources import CodecLatents, WorldClips
from kinema.video.system import find_codec
from studies.ladder.making import Making, steered, walk
from studies.ladder.task import LadderTask

UNSEEN = 1_000_000_000  # the held-out clips start here


@dataclass
class Study:
    """Train the same small transformer on the latents of each codec, and score its samples."""

    # of the runs; what is trained there is not trained again
    folder: str | Path = "runs/diffusability"
    num_samples: int = 12_000  # clips that each network sees
    seeds: int = 2  # networks for each codec
    # samples of each network, and as many true clips to compare with; at least 16
    num_clips: int = 48
    size: str = "tiny"  # of the transformer: tiny, small, base, large, xl
    num_frames: int = 33  # frames a clip
    pixels: int = 64  # height and width of the clips
    training_clips: int = 2_048  # how many different clips there are to learn from
    batch_size: int = 32  # of a step
    # how clips are sampled
    making: Making = field(default_factory=lambda: Making(guidance_scale=1.5))
    # codecs: names of systems that ship, folders, repositories of the hub
    files: Sequence[str] = ("tabletop",)
    # a Markdown file to write, with .json and a contact sheet .png beside it
    report: str | None = None

    def __post_init__(self) -> None:
        if min(self.num_samples, self.seeds) < 1 or self.num_clips < 16:
            raise UserError(
                f"--num_samples {self.num_samples}, --seeds {self.seeds} and --num_clips "
                f"{self.num_clips} must be at least 1, 1 and 16."
            )

    def clips(self, seed: int, num_clips: int) -> WorldClips:
        size, frames = self.pixels, self.num_frames
        return WorldClips((1,), "train", frames, size, seed=seed, num_clips=num_clips)


@dataclass
class UnitLatents(Shards):
    """Latents of which every channel has zero mean and unit variance."""

    mean: Tensor = field(default_factory=lambda: torch.zeros(1))  # (c,) of the codec's latents
    std: Tensor = field(default_factory=lambda: torch.ones(1))  # (c,)

    def read(self, indices: Iterable[int]) -> tuple[dict[str, Tensor], list[str]]:
        tensors, captions = super().read(indices)
        return {"latents": self.unit(tensors["latents"].float())}, captions

    def unit(self, latents: Tensor) -> Tensor:
        """The codec's latents (n c f h w) as the network sees them."""
        return (latents - self.mean.view(-1, 1, 1, 1)) / self.std.view(-1, 1, 1, 1)

    def raw(self, latents: Tensor) -> Tensor:
        """The inverse of `unit`."""
        return latents * self.std.view(-1, 1, 1, 1) + self.mean.view(-1, 1, 1, 1)


class Learner:
    """The latents of one codec, and networks that learn them.

    Args:
        name: of the codec: a system that ships, a folder, a repository of the hub.
        study: what it goes through.

    Raises:
        UserError: if there is no such codec.
    """

    def __init__(self, name: str, study: Study):
        self.study = study
        self.codec_folder = str(find_codec(name))
        self.codec: Codec = load_codec(self.codec_folder)
        plain = self.shards(study.clips(0, study.training_clips))
        first = plain.read(range(min(64, study.training_clips)))[0]["latents"].float()
        mean, std = first.mean((0, 2, 3, 4)), first.std((0, 2, 3, 4)) + 1e-6
        self.latents, self.unseen = (
            UnitLatents(shards.source, shards.cache, workers=0, mean=mean, std=std)
            for shards in (plain, self.shards(study.clips(UNSEEN, 32)))
        )

    def shards(self, clips: WorldClips) -> Shards:
        return Shards(CodecLatents(clips, self.codec_folder), Path(self.study.folder) / "cache", 0)

    @torch.no_grad()
    def encode(self, frames: Tensor) -> Tensor:
        """Clips (n 3 f h w) as the network sees them."""
        return self.latents.unit(torch.cat([self.codec.encode(some) for some in frames.split(8)]))

    @torch.no_grad()
    def decode(self, latents: Tensor) -> np.ndarray:
        """The inverse of `encode`, as uint8 (n f h w 3)."""
        length, side = self.study.num_frames, self.study.pixels
        clips = [
            self.codec.decode(self.latents.raw(some), length, (side, side)).clamp(-1, 1)
            for some in latents.split(8)
        ]
        return to_frames(torch.cat(clips))

    def learn(self, seed: int) -> tuple[LadderTask, float]:
        """A trained network, and its flow loss on unseen clips."""
        study = self.study
        config, corpus = named_config(f"dit-{study.size}"), study.clips(0, 1).corpus()
        task = LadderTask(config, self.latents, self.unseen, corpus, seed)
        mark = codec_fingerprint(self.codec_folder)
        place = Path(study.folder) / f"{mark}-{study.size}-{study.num_samples}-{seed}"
        return task, task.fit(study.num_samples, study.batch_size, place)

    def samples(self, task: LadderTask, captions: list[str], seed: int) -> np.ndarray:
        """One clip a caption, uint8 (n f h w 3)."""
        return self.decode(torch.cat(list(self._sampled(task, captions, seed))))

    @torch.no_grad()
    def _sampled(self, task: LadderTask, captions: list[str], seed: int) -> Iterator[Tensor]:
        making = self.study.making
        for start in range(0, len(captions), making.batch_size):
            some = captions[start : start + making.batch_size]
            rows = [seed * len(captions) + start + i for i in range(len(some))]
            with torch.autocast("cpu", torch.bfloat16):
                denoise = steered(task, some, making.guidance_scale)
                yield walk(
                    denoise, noise_like_rows((len(some), *task.data.shape), rows), making, None
                )
