"""Training the decoder of a system on what its denoiser makes.

An encoder's latents are not what a decoder is given in the end: a denoiser makes them, with small
errors that differ from latent to latent, and a decoder that never saw such errors draws each as a
square (block_seams). Here the encoder and the denoiser stay as they are, so their latents do too,
and the decoder learns to take three kinds of latents back to the true clip: clean ones, ones under
white noise, and ones that the denoiser has made in one call from the noised clip. The decoder then
does the last step of the denoising, as in LTX-Video (HaCohen et al. 2024, arXiv 2501.00103).

Axes: b clips, c channels, f frames, h w pixels or latents.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kinema.clips import contact_sheet, to_frames, to_tensor
from kinema.codecs import CausalVAE
from kinema.codecs.objective import charbonnier, outlines
from kinema.conditions import Conditions
from kinema.diffusion import PATHS
from kinema.errors import UserError
from kinema.fields import Name, Positive, Share, Weight, Whole
from kinema.metrics.features.fidelity import psnr
from kinema.metrics.temporal.seams import block_seams
from kinema.sampling import Denoise
from kinema.training import Loop, Position, Run, Shards, draw
from kinema.training.shards import ClipStore, num_ready
from kinema.training.sources import WorldClips, never_trained_on, unseen
from kinema.video import VideoPipeline

CALL_TIME = 0.3  # the noise level of the calls that validation decodes
BATCH = 8  # clips validated together


@dataclass(frozen=True)
class LatentErrors:
    """What is wrong with the latents that the decoder is given; the other clips' are clean."""

    denoised: Share = 0.5  # share of clips whose latents are one call of the denoiser
    noised: Share = 0.2  # share of clips whose latents are under white noise
    times: tuple[Share, Share] = (0.05, 0.6)  # noise levels from which the denoiser is called
    deviation: Share = 0.2  # the largest standard deviation of the white noise

    def __post_init__(self) -> None:
        if self.denoised + self.noised > 1:
            raise UserError(
                f"The shares of denoised and of noised latents, {self.denoised:g} and "
                f"{self.noised:g}, are together more than 1: lower one of them."
            )
        if self.times[0] > self.times[1]:
            raise UserError(f"The times go from low to high, not from {self.times[0]:g} down.")


@dataclass(frozen=True)
class DecoderLoss:
    """The weights of the parts, all of them Charbonnier distances."""

    pixels: Weight = 1.0  # how far every value is off
    outlines: Weight = 1.0  # how far the differences in space are off
    motion: Weight = 0.5  # how far the differences in time are off
    borders: Weight = 1.0  # how far the differences across the borders of blocks are off
    softness: Positive = 0.05  # the error below which the distance is a squared error
    border_softness: Positive = 0.005  # the same for the borders, where small steps are seen


@dataclass
class DecoderRun(Run):
    """A training run of a system's decoder."""

    # receives checkpoints, metrics and pictures, and the whole system in `final/`
    folder: Name = "runs/decoder"
    # one that ships, a folder, or a repository of the hub; its codec is a `CausalVAE`
    system: Name = "tabletop"
    # clips of a world, of the size and length that the system makes
    data: WorldClips = field(default_factory=WorldClips)
    # clips that are never trained on
    held_out: WorldClips = field(default_factory=lambda: unseen(WorldClips()))
    errors: LatentErrors = field(default_factory=LatentErrors)  # what is wrong with the latents
    weights: DecoderLoss = field(default_factory=DecoderLoss)  # of the parts of the loss
    loop: Loop = field(default_factory=Loop)  # how long and how fast
    cache: Name = "runs/cache"  # folder for rendered clips, shared by all runs
    workers: Whole = 1  # processes that make clips beside training

    def task(self) -> "DecoderTask":
        """What the run trains."""
        return DecoderTask(self)


class DecoderTask:
    """What the loop asks of a run of a decoder.

    Raises:
        UserError: if the codec of the system has no decoder that can be trained by itself.
    """

    def __init__(self, run: DecoderRun):
        torch.manual_seed(run.loop.seed)
        self.run, self.pipeline = run, VideoPipeline.from_pretrained(run.system)
        codec = self.pipeline.codec
        if not isinstance(codec, CausalVAE):
            raise UserError(
                f"The codec of {run.system} is a {type(codec).__name__}: this run trains the "
                "decoder of a CausalVAE."
            )
        self.codec = codec.float()
        parts = {"denoiser": self.pipeline.denoiser, "text": self.pipeline.text}
        self.network = nn.ModuleDict({"codec": codec, **parts}).requires_grad_(False)
        for part in decoder_of(codec):
            part.requires_grad_(True)
        self.clips: ClipStore = Shards(run.data, Path(run.cache), run.workers)
        held_out = never_trained_on(run.data, run.held_out)
        self.unseen: ClipStore = Shards(held_out, Path(run.cache), workers=0)

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return next(self.network.parameters()).device

    def ready(self) -> AbstractContextManager[None]:
        """A block within which processes make the missing clips."""
        return self.clips.making()

    def loss(
        self, position: Position, batch_size: int, rows: slice
    ) -> tuple[Tensor, dict[str, float]]:
        """The distance of decoded clips from true ones, and its parts."""
        ready = num_ready(position.samples, len(self.clips))
        indices = draw(self.run.loop.seed, position, batch_size, ready)[rows]
        tensors, captions = self.clips.read(indices)
        frames = to_tensor(tensors["frames"].numpy()).to(self.device)  # b 3 f h w
        latents = self.encode(frames)  # b c f' h' w'
        kind = torch.rand(batch_size)[rows].to(latents)
        level = torch.rand(batch_size)[rows].to(latents)
        noise = torch.randn(batch_size, *latents.shape[1:])[rows].to(latents)
        latents = self.spoiled(latents, captions, kind, level, noise)
        return self.distance(self.decode(latents, frames), frames)

    @torch.no_grad()
    def encode(self, frames: Tensor) -> Tensor:
        """b 3 f h w -> b c f' h' w', in full precision, as the pipeline encodes."""
        with torch.autocast(self.device.type, enabled=False):
            return self.codec.encode(frames)

    def decode(self, latents: Tensor, frames: Tensor) -> Tensor:
        """b c f' h' w' -> clips of the shape of `frames`."""
        return self.codec.decode(latents, frames.shape[2], tuple(frames.shape[3:]))

    def spoiled(
        self, latents: Tensor, captions: list[str], kind: Tensor, level: Tensor, noise: Tensor
    ) -> Tensor:
        """Latents with the errors of the run: `kind` says which a clip has, `level` how large."""
        errors = self.run.errors
        low, high = errors.times
        by_denoiser = kind < errors.denoised  # b
        by_noise = ~by_denoiser & (kind < errors.denoised + errors.noised)
        size = (errors.deviation * level * by_noise).reshape(-1, 1, 1, 1, 1)
        latents = latents + size * noise
        chosen = by_denoiser.nonzero()[:, 0]
        if len(chosen):
            few = [captions[i] for i in chosen.tolist()]
            times = low + (high - low) * level[chosen]
            made = self.called(latents[chosen], few, times, noise[chosen])
            latents = latents.index_copy(0, chosen, made)
        return latents

    @torch.no_grad()
    def called(self, latents: Tensor, captions: list[str], times: Tensor, noise: Tensor) -> Tensor:
        """What one call of the denoiser makes of clips noised to `times` (b,)."""
        system, pipe = self.pipeline.system, self.pipeline
        path, conditions = PATHS[system.path], Conditions(text=pipe.text(captions))
        denoise = Denoise(pipe.denoiser, path, system.prediction, conditions)
        t = times[:, None].expand(-1, latents.shape[2])  # b f'
        return denoise(path.add_noise(latents, noise, t), t)

    def distance(self, decoded: Tensor, frames: Tensor) -> tuple[Tensor, dict[str, float]]:
        """The weighted distance, and its parts before their weights."""
        error, weights = decoded - frames, self.run.weights
        parts = {
            "pixels": charbonnier(error, weights.softness),
            "outlines": outlines(error, weights.softness),
            "motion": charbonnier(error.diff(dim=2), weights.softness),
            "borders": border_distance(error, self.codec.factors, weights.border_softness),
        }
        weighted = [getattr(weights, name) * part.mean() for name, part in parts.items()]
        return torch.stack(weighted).sum(), {n: part.mean().item() for n, part in parts.items()}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """PSNR and seams on clips never trained on; the loss is the negative PSNR of one call.

        Clean latents, and one call of the denoiser from noise level 0.3 with fixed noise.
        """
        scores: dict[str, list[float]] = {"psnr": [], "psnr_call": [], "seams_call": []}
        for frames, captions in self.held_out():
            clean, called = self.clean_and_called(frames, captions)
            true = to_frames(frames)
            scores["psnr"] += map(psnr, true, to_frames(self.decode(clean, frames)))
            made = to_frames(self.decode(called, frames))
            scores["psnr_call"] += map(psnr, true, made)
            scores["seams_call"] += [block_seams(clip).ratio for clip in made]
        means = {name: float(np.mean(values)) for name, values in scores.items()}
        return {"loss": -means["psnr_call"], **means}

    def held_out(self, count: int = 32) -> list[tuple[Tensor, list[str]]]:
        """Batches of clips never trained on, b 3 f h w, with their captions."""
        batches = []
        for start in range(0, min(count, len(self.unseen)), BATCH):
            stop = min(start + BATCH, len(self.unseen))
            tensors, captions = self.unseen.read(range(start, stop))
            frames = to_tensor(tensors["frames"].numpy()).to(self.device)
            batches.append((frames, captions))
        return batches

    @torch.no_grad()
    def clean_and_called(self, frames: Tensor, captions: list[str]) -> tuple[Tensor, Tensor]:
        """The latents of clips, and what one call at `CALL_TIME` makes of them."""
        clean = self.encode(frames)
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(clean.shape, generator=generator).to(clean)
        times = clean.new_full((len(clean),), CALL_TIME)
        return clean, self.called(clean, captions, times, noise)

    @torch.no_grad()
    def show(self, folder: Path, samples: int) -> None:
        """A sheet of true clips, and of one call of the denoiser, decoded."""
        frames, captions = self.held_out(4)[0]
        _, called = self.clean_and_called(frames[:4], captions[:4])
        pairs = zip(to_frames(frames), to_frames(self.decode(called, frames)), strict=False)
        folder.mkdir(parents=True, exist_ok=True)
        clips = [clip for pair in pairs for clip in pair]
        labels = ["true", "decoded"] * (len(clips) // 2)
        contact_sheet(clips, folder / f"{samples:09d}.png", labels=labels)

    def save(self, folder: Path) -> None:
        """Write the whole system."""
        self.pipeline.save_pretrained(folder)

    def rehearse(self, batch_size: int) -> Tensor:
        """The loss of empty clips of the run's shape, to see what a step takes."""
        data = self.run.data
        frames = torch.zeros(batch_size, 3, data.num_frames, *data.shape, device=self.device)
        return self.distance(self.decode(self.encode(frames), frames), frames)[0]

    @cached_property
    def decode_flops(self) -> float:
        """Operations of decoding a clip."""
        data = self.run.data
        shape = self.codec.latent_shape(data.num_frames, *data.shape)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            self.codec.decode(torch.zeros(1, *shape, device=self.device))
        return float(counter.get_total_flops())

    def flops(self, batch_size: int) -> float:
        """Forward and backward of the decoder; without the encoder and the denoiser."""
        return 3.0 * batch_size * self.decode_flops


def decoder_of(codec: CausalVAE) -> list[nn.Module]:
    """The networks of the decoder; its linear part stays, since the encoder's is its inverse."""
    parts = [codec.from_latents, codec.up, codec.fold_out, codec.refiner]
    return [part for part in parts if part is not None]


def border_distance(error: Tensor, factors: tuple[int, int, int], softness: float) -> Tensor:
    """The distance of the differences across the borders of blocks of pixels, (b,)."""
    _, p, q = factors
    down = error[..., p::p, :] - error[..., p - 1 : -1 : p, :]  # b 3 f h/p-1 w
    right = error[..., q::q] - error[..., q - 1 : -1 : q]  # b 3 f h w/q-1
    return charbonnier(down, softness) + charbonnier(right, softness)
