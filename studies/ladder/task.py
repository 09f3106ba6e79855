"""What the ladder trains: a denoiser and a text encoder on clips whose frames are coded one by one.

A causal codec would join four frames before any network does. Here every frame is a picture to it,
as in AnimateDiff and Stable Video Diffusion, so whatever agrees was made to agree by the denoiser.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from kinema.clips import to_tensor
from kinema.codecs import CausalVAE
from kinema.conditions import SmallTextConfig, SmallTextEncoder
from kinema.denoisers import make_denoiser
from kinema.training import Loop, Position, Shards, train
from kinema.training.noise_levels import NoiseLevels
from kinema.training.optimizer import make_optimizers
from kinema.training.sources import WorldClips
from kinema.training.tasks.clip_data import LatentClips
from kinema.training.tasks.diffusion import DiffusionTask, Objective

OPTIMIZER, ADAMW_SHARE = "muon", 0.5
OBJECTIVE = Objective(
    # The mean is that of the recipe of what ships; no frames are given.
    times=NoiseLevels(mean=1.0, std=1.2, together=0.8, given=0.0, per_frame=0.2).mixture(),
    caption_dropout=0.1,
    validation_times=(0.3, 0.6, 0.8, 0.9, 0.97),
)


def encode_frames(codec: CausalVAE, frames: Tensor) -> Tensor:
    """b 3 f h w in [-1, 1] -> b c f h' w', every frame a picture of its own."""
    pictures = rearrange(frames, "b c f h w -> (b f) c 1 h w")
    return rearrange(codec.encode(pictures), "(b f) c 1 h w -> b c f h w", b=len(frames))


def decode_frames(codec: CausalVAE, latents: Tensor) -> Tensor:
    """The inverse of `encode_frames`."""
    pictures = rearrange(latents, "b c f h w -> (b f) c 1 h w")
    return rearrange(codec.decode(pictures), "(b f) c 1 h w -> b c f h w", b=len(latents))


@dataclass
class FrameLatents:
    """The latents of a world's clips, frame by frame."""

    frames: WorldClips  # the clips
    codec: str  # folder of the codec

    @property
    def num_clips(self) -> int:
        return self.frames.num_clips

    @property
    def name(self) -> str:
        """Differs when the clips or the codec's weights differ."""
        weights = (Path(self.codec) / "model.safetensors").read_bytes()
        return f"{self.frames.name}-frames-{hashlib.sha256(weights).hexdigest()[:10]}"

    @cached_property
    def loaded_codec(self) -> CausalVAE:
        return CausalVAE.from_pretrained(self.codec).eval()

    @torch.no_grad()
    @torch.autocast("cpu", enabled=False)
    def make(self, indices: list[int]) -> tuple[dict[str, Tensor], list[str]]:
        """latents: (n, c, f, h', w') float16, and the captions."""
        tensors, captions = self.frames.make(indices)
        rows = [to_tensor(clip.numpy())[None] for clip in tensors["frames"]]
        latents = [encode_frames(self.loaded_codec, row).half() for row in rows]
        return {"latents": torch.cat(latents)}, captions


class LadderTask(DiffusionTask):
    """One network of the ladder, learning x0 on the linear path.

    Args:
        config: of the denoiser.
        clips, unseen: latents to learn from, and to measure the held-out loss on.
        corpus: all words.
        seed: of weights and data.
    """

    data: LatentClips

    def __init__(self, config: Any, clips: Shards, unseen: Shards, corpus: list[str], seed: int):
        torch.manual_seed(seed)
        text = SmallTextEncoder.from_corpus(corpus, SmallTextConfig(dim=128, depth=2))
        shape = tuple(clips.read([0])[0]["latents"].shape[1:])
        config.channels, config.text_dim = shape[0], text.dim
        data = LatentClips(clips, unseen, shape, seed, first_clips=len(clips), num_unseen=32)
        network = nn.ModuleDict({"denoiser": make_denoiser(config), "text": text})
        super().__init__(network, data, OBJECTIVE)

    def fit(self, num_samples: int, batch_size: int, folder: Path) -> float:
        """Train in a folder, unless that was done there already; the held-out loss at the end."""
        loop = Loop(
            num_samples=num_samples, batch_size=batch_size, learning_rate=2e-3,
            optimizer=OPTIMIZER, adamw_share=ADAMW_SHARE, warmup=num_samples // 20,
            averages=(0.1,), seed=self.data.seed, validate_every=10**9,
        )  # fmt: skip
        if not (folder / "final").exists():
            train(self, loop, folder)
        self.load(folder / "final")
        lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
        return [x["held_out_loss_final"] for x in lines if "held_out_loss_final" in x][-1]

    def load(self, folder: Path) -> None:
        """Take up what `save` wrote."""
        for part, network in self.network.items():
            saved = type(network).from_pretrained(folder / part)
            network.load_state_dict(saved.state_dict())
        self.network.eval()


@dataclass
class Cost:
    """What a step of training costs."""

    parameters: int  # of the denoiser
    gflops: float  # of one forward pass of the denoiser on one clip
    seconds: float  # of a step, the optimizer's included, at the run's batch
    megabytes: float  # kept from the forward pass for the backward pass, at the run's batch


def measure_cost(task: LadderTask, batch_size: int, num_steps: int = 5) -> Cost:
    """Take a few steps that change nothing; the first warms up, the median of the others counts."""
    still = make_optimizers(task.network, OPTIMIZER, 0.0, 0.0, ADAMW_SHARE)  # at rate zero
    seconds = []
    for step in range(num_steps + 1):
        began = perf_counter()
        forward_and_backward(task, batch_size, step)
        for optimizer in still:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        seconds.append(perf_counter() - began)
    kept = kept_bytes(lambda: forward_and_backward(task, batch_size, 0))
    task.network.zero_grad(set_to_none=True)
    parameters = sum(p.numel() for p in task.network["denoiser"].parameters())
    return Cost(parameters, task.clip_flops / 1e9, median(seconds[1:]), kept / 2**20)


def forward_and_backward(task: LadderTask, batch_size: int, step: int) -> None:
    with Loop().computing():
        loss, _ = task.loss(Position(step=step), batch_size, slice(None))
    loss.backward()


def kept_bytes(step: Callable[[], None]) -> int:
    """Bytes of all tensors that autograd keeps for the backward pass, each storage once."""
    storages: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        step()
    return sum(storages.values())
