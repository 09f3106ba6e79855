"""Where the clips of a diffusion task come from: latents made ahead, or clips rendered on the spot.

Both are a `ClipData`: they draw a step's clips as a function of the seed and the step alone.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from kinema.clips import to_tensor
from kinema.codecs import Codec
from kinema.training import Position, draw
from kinema.training.histories.degradation import draw_zoom, zoomed
from kinema.training.randomness import untouched
from kinema.training.shards import ClipStore, num_ready
from kinema.training.sources import DiscClips
from kinema.training.tasks.diffusion import Batch
from kinema.training.waiting import telling

HELD_OUT_SEED = 10**9  # scenes that no training run draws


@dataclass
class LatentClips:
    """Latents that processes beside the training make and keep on disk."""

    clips: ClipStore  # "latents" of every clip and, for single frames, "image" (c 1 h w)
    unseen: ClipStore  # the same of clips that are never trained on
    shape: tuple[int, int, int, int]  # (c, f, h, w) of a clip's latents
    seed: int  # of the run
    first_clips: int = 1_024  # clips made before training begins; the others follow beside it
    image_share: float = 0.0  # share of steps on single frames
    halves: ClipStore | None = None  # the same clips at half the height and width
    half_share: float = 0.0  # share of steps on them
    num_unseen: int = 64  # how many of the unseen clips validation takes

    def batch(self, position: Position, batch_size: int, rows: slice) -> Batch:
        """Latents of clips, or in some steps of single frames or of clips of half the size."""
        kind = self.kind()
        clips = self.halves if kind == "half" and self.halves else self.clips
        ready = num_ready(position.samples, len(clips), self.first_clips)
        indices = draw(self.seed, position, batch_size, ready)[rows]
        tensors, captions = clips.read(indices)
        x0 = tensors["image" if kind == "image" else "latents"].float()
        return Batch(x0, captions, kind if self.image_share or self.half_share else "")

    def kind(self) -> str:
        """Draw what a step sees: "image", "half" or "video"."""
        drawn = float(torch.rand(()))
        if drawn < self.image_share:
            return "image"
        return "half" if drawn < self.image_share + self.half_share else "video"

    def held_out(self) -> Batch:
        """The first of the unseen clips."""
        tensors, captions = self.unseen.read(range(min(self.num_unseen, len(self.unseen))))
        return Batch(tensors["latents"].float(), captions)

    @contextmanager
    def ready(self) -> Iterator[None]:
        """A block within which processes make the missing clips."""
        with self.clips.making(), self.halves.making() if self.halves else nullcontext():
            yield


@dataclass
class RenderedClips:
    """Clips of discs, rendered and encoded by the step that asks for them."""

    source: DiscClips  # of the clips
    codec: Codec  # in whose latents the denoiser works
    seed: int  # of the run
    # every clip is shrunk or grown by a factor from this range
    zoom: tuple[float, float] = (1.0, 1.0)
    num_unseen: int = 64  # clips of other seeds, in distribution, that are held out
    device: str = "cpu"  # where clips are encoded

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(c, f, h, w) of a clip in the latents of the codec."""
        return self.codec.latent_shape(self.source.num_frames, *self.source.shape)

    def batch(self, position: Position, batch_size: int, rows: slice) -> Batch:
        """Clips of the step, rendered now."""
        indices = draw(self.seed, position, batch_size, self.source.num_clips)
        with untouched():
            tensors, captions = self.source.make(indices[rows].tolist())
        clips = to_tensor(tensors["frames"].numpy())  # b 3 f h w
        if self.zoom != (1.0, 1.0):
            factor, point = draw_zoom(self.zoom, batch_size)
            clips = zoomed(clips, factor[rows], point[rows])
        return Batch(self.encode(clips), captions)

    def held_out(self) -> Batch:
        """The unseen clips."""
        captions = [""] * self.num_unseen
        return Batch(self.encode(to_tensor(self.unseen_frames)), captions)

    @cached_property
    def unseen_seeds(self) -> range:
        """The scenes of the unseen clips."""
        return range(HELD_OUT_SEED, HELD_OUT_SEED + self.num_unseen)

    @cached_property
    def unseen_frames(self) -> np.ndarray:
        """The unseen clips, uint8 (n f h w 3)."""
        indices = [seed - self.source.seed for seed in self.unseen_seeds]
        with telling("Rendering the clips that are held out."):
            return self.source.make(indices)[0]["frames"].numpy()

    @torch.no_grad()
    def encode(self, clips: Tensor) -> Tensor:
        """b 3 f h w in [-1, 1] -> b c f' h' w', in full precision, as the pipeline encodes."""
        with untouched(), torch.autocast(torch.device(self.device).type, enabled=False):
            return self.codec.encode(clips.to(self.device))

    def ready(self) -> AbstractContextManager[None]:
        """Nothing is made ahead."""
        return nullcontext()
