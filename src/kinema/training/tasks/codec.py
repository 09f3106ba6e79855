"""Training a causal video VAE on clips."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kinema.clips import contact_sheet, to_frames, to_tensor
from kinema.codecs import (
    AdversarialLoss,
    CausalVAE,
    CausalVAEConfig,
    CodecLoss,
    codec_loss,
    reconstruct,
)
from kinema.codecs.adversarial import adversarial_loss
from kinema.codecs.objective import Distance, PixelMotion, laplacian_distance
from kinema.errors import UserError
from kinema.fields import Name, Share, Whole
from kinema.metrics.features.fidelity import psnr
from kinema.metrics.features.lpips import LPIPS
from kinema.training import Loop, Position, Run, Shards, draw
from kinema.training.shards import num_ready
from kinema.training.sources import Clips, ClipsWithFlow, WorldClips, never_trained_on, unseen
from kinema.training.waiting import telling
from kinema.video.system import find_codec

LENGTHS = (1, 5, 9, 17, 33)  # frames a training clip is cut to: images and videos together


@dataclass
class LPIPSFiles:
    """The two files of LPIPS; without them the perceptual part needs no weights."""

    trunk: str = ""  # torchvision's VGG16 or AlexNet, such as vgg16-397923af.pth
    heads: str = ""  # vgg.pth or alex.pth of the lpips package

    def __post_init__(self) -> None:
        if bool(self.trunk) != bool(self.heads):
            given, lacking = ("trunk", "heads") if self.trunk else ("heads", "trunk")
            raise UserError(
                f"--lpips.{given} names a file and --lpips.{lacking} none: LPIPS needs both."
            )


@dataclass
class CodecRun(Run):
    """A training run of a codec."""

    # receives checkpoints, metrics and pictures, and the codec in `final/`
    folder: Name = "runs/codec"
    # clips of a world, or of a folder with metadata.jsonl
    data: Clips = field(default_factory=WorldClips)
    # clips that are never trained on; of a folder "" those that data leaves out
    held_out: Clips = field(default_factory=lambda: unseen(WorldClips()))
    codec: CausalVAEConfig = field(default_factory=CausalVAEConfig)  # the network
    # a codec whose weights are trained further: a folder, or the name of the system that it is part
    # of; "" starts from nothing
    init: str = ""
    weights: CodecLoss = field(default_factory=CodecLoss)  # of the parts of the loss
    # the perceptual part is LPIPS once its two files are named
    lpips: LPIPSFiles = field(default_factory=LPIPSFiles)
    # the game against discriminators, off unless given weights
    adversarial: AdversarialLoss = field(default_factory=AdversarialLoss)
    # shares of the clips' height and width, of which every step draws one for each
    sizes: tuple[Share, ...] = (1.0, 0.75, 0.5)
    loop: Loop = field(default_factory=Loop)  # how long and how fast
    cache: Name = "runs/cache"  # folder for rendered clips, shared by all runs
    workers: Whole = 1  # processes that make clips beside training

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.sizes or min(self.sizes) == 0:
            raise UserError(
                f"The sizes are shares of a clip's size, above 0 and up to 1, not {self.sizes}."
            )

    def task(self) -> "CodecTask":
        """What the run trains."""
        return CodecTask(self, self.perceptual())

    def perceptual(self) -> Distance:
        """The distance of the perceptual part of the loss.

        Raises:
            UserError: if a file of LPIPS is missing or foreign, or LPIPS has no part in the loss or
                cannot see clips as small as the run's.
        """
        if not self.lpips.trunk:
            return laplacian_distance
        if not self.weights.perceptual:
            raise UserError(
                "--lpips names files and --weights.perceptual is 0: give that a weight, such as "
                "0.1, or leave the files out."
            )
        network = LPIPS.from_files(self.lpips.trunk, self.lpips.heads)
        side = int(min(self.sizes) * min(self.data.shape))
        side -= side % max(self.codec.factors[1:])
        if side < network.least:
            raise UserError(
                f"LPIPS needs pictures of at least {network.least} pixels a side, and this run "
                f"cuts clips of {side}: raise --data.size or the smallest of --sizes."
            )
        return network


class CodecTask:
    """What the loop asks of a codec run; `perceptual` is the distance of that part of its loss.

    Codec and discriminators are one network to the loop: their optimizers, averages and resume are
    those of every other run.
    """

    def __init__(self, run: CodecRun, perceptual: Distance = laplacian_distance):
        torch.manual_seed(run.loop.seed)
        self.run, self.codec, self.perceptual = run, CausalVAE(run.codec), perceptual
        if isinstance(perceptual, nn.Module):
            perceptual.to(run.loop.device)
        if run.init:
            self.codec = CausalVAE.from_pretrained(find_codec(run.init))
            run.codec = self.codec.config
        self.discriminators = run.adversarial.discriminators()
        self.network = nn.ModuleDict({"codec": self.codec, "discriminators": self.discriminators})
        held_out = never_trained_on(run.data, run.held_out)
        data = ClipsWithFlow(run.data) if run.weights.flow else run.data
        self.clips = Shards(data, Path(run.cache), run.workers)
        self.unseen = Shards(held_out, Path(run.cache), workers=0)

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return next(self.network.parameters()).device

    @contextmanager
    def ready(self) -> Iterator[None]:
        """A block within which processes make the missing clips and the codec has its start."""
        with self.clips.making():
            self.fit_linear()
            yield

    def loss(
        self, position: Position, batch_size: int, rows: slice
    ) -> tuple[Tensor, dict[str, float]]:
        """The codec's loss on clips of a random length and size, and the game once it is on."""
        window = draw_window(self.run, self.codec.factors)
        processes = rows.step or 1
        share = batch_size * window.share(self.run.data.shape)
        count = processes * max(1, round(share / processes))
        ready = num_ready(position.samples, len(self.clips))
        indices = draw(self.run.loop.seed, position, count, ready)[rows]
        frames, motion = self.read(indices, window)
        coded = reconstruct(self.codec, frames)
        weights = self.run.weights
        rows_loss, parts = codec_loss(self.codec, coded, weights, motion, self.perceptual)
        loss = rows_loss.mean()
        if self.discriminators and position.samples >= self.run.adversarial.start:
            refiner = self.codec.refiner
            last = self.codec.fold_out.weight if refiner is None else refiner.conv_out.weight
            game, sides = adversarial_loss(
                self.discriminators, frames, coded.decoded, loss, last, self.run.adversarial
            )
            loss, parts = loss + game, {**parts, **sides}
        return loss, {name: part.mean().item() for name, part in parts.items()}

    def read(self, indices: np.ndarray, window: "Window") -> tuple[Tensor, PixelMotion | None]:
        """Clips cut by a window, and how they move if the run asks for it."""
        clips = self.clips.read(indices)[0]
        time, rows, columns = window.slices()
        frames = to_tensor(clips["frames"][:, time, rows, columns].numpy()).to(self.device)
        if "flow" not in clips:
            return frames, None
        pairs = slice(time.start, time.stop - 1)
        flow, seen = (
            clips[name][:, pairs, rows, columns].to(self.device) for name in ("flow", "seen")
        )
        return frames, PixelMotion(flow.float(), seen)

    def rehearse(self, batch_size: int) -> Tensor:
        """The loss of empty clips of the run's shape, to see what a step takes."""
        data = self.run.data
        length = min(LENGTHS[2], data.num_frames)  # a step holds as many frames at any length
        x = torch.zeros(batch_size, 3, length, *data.shape, device=self.device)
        coded = reconstruct(self.codec, x)
        weights, distance = self.run.weights, self.perceptual
        return codec_loss(self.codec, coded, weights, perceptual=distance)[0].mean()

    def validate(self) -> dict[str, float]:
        """PSNR on clips never trained on; the loss is its negative."""
        scores = [psnr(a, b) for a, b in self.reconstructions(32)]
        return {"loss": -float(np.mean(scores)), "psnr": float(np.mean(scores))}

    def reconstructions(self, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Pairs (true, coded) of uint8 frames."""
        pairs = []
        for start in range(0, min(count, len(self.unseen)), 4):
            frames = self.unseen.read(range(start, start + 4))[0]["frames"].numpy()
            coded = to_frames(self.codec(to_tensor(frames).to(self.device)))
            pairs += list(zip(frames, coded, strict=True))
        return pairs

    def show(self, folder: Path, samples: int) -> None:
        """A sheet of true and coded clips in turn."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = [frames for pair in self.reconstructions(4) for frames in pair]
        contact_sheet(rows, folder / f"{samples:09d}.png", labels=["true", "coded"] * 4)

    def save(self, folder: Path) -> None:
        """Fit the latents' statistics on training clips and write the codec."""
        self.codec.fit_statistics(self.first_clips())
        self.codec.save_pretrained(folder)

    def fit_linear(self) -> None:
        """Give a new codec its principal components, if it asks for them.

        A run that resumes fits the same ones again, and then reads them from its checkpoint.
        """
        if self.run.codec.fitted and not self.run.init:
            with telling("Fitting the linear part of the codec to the first clips."):
                self.codec.fit_linear(self.first_clips())

    def first_clips(self, count: int = 128) -> Iterator[Tensor]:
        """Batches of training clips, b 3 f h w."""
        for start in range(0, min(count, len(self.clips)), 8):
            frames = self.clips.read(range(start, start + 8))[0]["frames"].numpy()
            yield to_tensor(frames).to(self.device)

    @cached_property
    def clip_flops(self) -> float:
        """Operations of a forward pass on 9 whole frames, to which every window comes."""
        frames = torch.zeros(1, 3, LENGTHS[2], *self.run.data.shape, device=self.device)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            self.codec(frames)
        return float(counter.get_total_flops())

    def flops(self, batch_size: int) -> float:
        """Forward and backward of the codec, without discriminators and perceptual networks."""
        return 3.0 * batch_size * self.clip_flops


@dataclass(frozen=True)
class Window:
    """What a step sees of its clips: (first, how many) along each axis."""

    frames: tuple[int, int]
    rows: tuple[int, int]
    columns: tuple[int, int]

    def slices(self) -> tuple[slice, slice, slice]:
        frames, rows, columns = (slice(a, a + n) for a, n in (self.frames, self.rows, self.columns))
        return frames, rows, columns

    def share(self, shape: tuple[int, int]) -> float:
        """How many clips cost what one of 9 whole frames of this shape costs."""
        return LENGTHS[2] * shape[0] * shape[1] / (self.frames[1] * self.rows[1] * self.columns[1])


def draw_window(run: CodecRun, factors: tuple[int, int, int]) -> Window:
    """A random length and size at a random place; sides are whole blocks of the codec."""
    length = min(LENGTHS[int(torch.randint(len(LENGTHS), ()))], run.data.num_frames)
    extents = [(run.data.num_frames, length)]
    for factor, side in zip(factors[1:], run.data.shape, strict=True):
        share = run.sizes[int(torch.randint(len(run.sizes), ()))]
        whole = int(share * side) // factor * factor
        extents.append((side, min(max(whole, factor), side)))
    places = [(int(torch.randint(whole - part + 1, ())), part) for whole, part in extents]
    return Window(*places)
