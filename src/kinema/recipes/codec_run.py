"""Training a causal video VAE on clips."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kinema.clips import contact_sheet, to_frames, to_tensor
from kinema.codecs import CausalVAE, CausalVAEConfig, CodecLoss, codec_loss
from kinema.metrics.fidelity import psnr
from kinema.training import Loop, Position, Shards, State, draw, train
from kinema.training.sources import FolderClips, WorldClips
from kinema.video.system import find_codec

LENGTHS = (1, 5, 9, 17, 33)  # frames a training clip is cut to: images and videos together


@dataclass
class CodecRun:
    """A training run of a codec.

    Attributes:
        folder: receives checkpoints, metrics and pictures, and the codec in `final/`.
        data: clips of a world, or of a folder with metadata.jsonl.
        held_out: clips that are never trained on.
        codec: the network.
        init: a codec whose weights are trained further: a folder, or the name of the system that
            it is part of; "" starts from nothing.
        weights: of the parts of the loss.
        loop: how long and how fast.
        cache: folder for rendered clips, shared by all runs.
        workers: processes that make clips beside training.
        frames_a_step: pixels' frames a step: short clips come in larger batches.
    """

    folder: str = "runs/codec"
    data: WorldClips | FolderClips = field(default_factory=WorldClips)
    held_out: WorldClips | FolderClips = field(default_factory=lambda: unseen(WorldClips()))
    codec: CausalVAEConfig = field(default_factory=CausalVAEConfig)
    init: str = ""
    weights: CodecLoss = field(default_factory=CodecLoss)
    loop: Loop = field(default_factory=Loop)
    cache: str = "runs/cache"
    workers: int = 1

    def task(self) -> "CodecTask":
        """What the run trains."""
        return CodecTask(self)

    def train(self) -> State:
        """Train to the end, resuming where an interrupted run stopped."""
        task = self.task()
        task.clips.start()
        try:
            return train(task, self.loop, Path(self.folder))
        finally:
            task.clips.stop()


def unseen(data: WorldClips, num_clips: int = 64) -> WorldClips:
    """Clips like `data` that no run ever trains on: held-out attributes, far seeds."""
    return WorldClips(
        data.levels, "held_out", data.num_frames, data.size, data.fps, 10**9, num_clips
    )


class CodecTask:
    """What the loop asks of a codec run."""

    def __init__(self, run: CodecRun):
        torch.manual_seed(run.loop.seed)
        self.run, self.network = run, CausalVAE(run.codec)
        if run.init:
            self.network = CausalVAE.from_pretrained(find_codec(run.init))
            run.codec = self.network.config
        self.clips = Shards(run.data, Path(run.cache), run.workers)
        self.unseen = Shards(run.held_out, Path(run.cache), workers=0)

    def loss(
        self, position: Position, batch_size: int, rows: slice
    ) -> tuple[Tensor, dict[str, float]]:
        """Cut clips to a random length; an equal number of frames a step, whatever the length."""
        length = LENGTHS[int(torch.randint(len(LENGTHS), ()))]
        length = min(length, self.run.data.num_frames)
        count = max(rows.step or 1, batch_size * LENGTHS[2] // length)
        ready = num_ready(position.samples, len(self.clips))
        indices = draw(self.run.loop.seed, position.step, count, ready)[rows]
        frames = self.clips.read(indices)[0]["frames"]
        start = int(torch.randint(frames.shape[1] - length + 1, ()))
        x = to_tensor(frames[:, start : start + length].numpy())
        loss, parts = codec_loss(self.network, x, None, self.run.weights)
        return loss.mean(), {name: part.mean().item() for name, part in parts.items()}

    def rehearse(self, batch_size: int) -> Tensor:
        """The loss of empty clips of the run's shape, to see what a step takes."""
        data = self.run.data
        length = min(LENGTHS[2], data.num_frames)  # a step holds as many frames at any length
        x = torch.zeros(batch_size, 3, length, data.size, data.size)
        return codec_loss(self.network, x, None, self.run.weights)[0].mean()

    def validate(self) -> dict[str, float]:
        """PSNR on clips never trained on; the loss is its negative."""
        scores = [psnr(a, b) for a, b in self.reconstructions(32)]
        return {"loss": -float(np.mean(scores)), "psnr": float(np.mean(scores))}

    def reconstructions(self, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Pairs (true, coded) of uint8 frames."""
        pairs = []
        for start in range(0, min(count, len(self.unseen)), 4):
            frames = self.unseen.read(range(start, start + 4))[0]["frames"].numpy()
            coded = to_frames(self.network(to_tensor(frames)))
            pairs += list(zip(frames, coded, strict=True))
        return pairs

    def show(self, folder: Path, samples: int) -> None:
        """A sheet of true and coded clips in turn."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = [frames for pair in self.reconstructions(4) for frames in pair]
        contact_sheet(rows, folder / f"{samples:09d}.png", labels=["true", "coded"] * 4)

    def save(self, folder: Path) -> None:
        """Fit the latents' statistics on training clips and write the codec."""
        reads = (self.clips.read(range(i, i + 8))[0]["frames"] for i in range(0, 128, 8))
        self.network.fit_statistics(to_tensor(frames.numpy()) for frames in reads)
        self.network.save_pretrained(folder)

    def flops(self, batch_size: int) -> float:
        return 0.0


def num_ready(samples: int, num_clips: int, first: int = 1_024, fresh: float = 0.1) -> int:
    """How many clips a run draws from after `samples`: so many must have been made by then.

    The pool grows with the run and not with the clock, so that runs are reproducible.

    Args:
        samples: clips seen so far.
        num_clips: how many there will be.
        first: made before the run begins.
        fresh: new clips per clip seen.
    """
    return min(num_clips, first + int(fresh * samples))
