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

from kinema import diffusion
from kinema.clips import to_tensor
from kinema.codecs import CausalVAE
from kinema.conditions import Conditions, SmallTextConfig, SmallTextEncoder
from kinema.denoisers import count_flops, make_denoiser
from kinema.diffusion import Linear, LogitNormal, Mixture, PerFrame
from kinema.training import Loop, Position, Shards, draw, train
from kinema.training.optimizer import make_optimizers
from kinema.training.sources import WorldClips

VALIDATION_TIMES = (0.3, 0.6, 0.8, 0.9, 0.97)
CAPTION_DROPOUT = 0.1
OPTIMIZER, ADAMW_SHARE = "muon", 0.5
# As the recipe of what ships: above 0 leans towards noise, where the scene is decided.
TIMES = LogitNormal(mean=1.0, std=1.2)


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
    """The latents of a world's clips, frame by frame.

    Attributes:
        frames: the clips.
        codec: folder of the codec.
    """

    frames: WorldClips
    codec: str

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


class LadderTask:
    """What the loop asks: one network of the ladder, learning x0 on the linear path.

    Args:
        config: of the denoiser.
        clips, unseen: latents to learn from, and to measure the held-out loss on.
        corpus: all words.
        seed: of weights and data.
    """

    def __init__(self, config: Any, clips: Shards, unseen: Shards, corpus: list[str], seed: int):
        torch.manual_seed(seed)
        text = SmallTextEncoder.from_corpus(corpus, SmallTextConfig(dim=128, depth=2))
        shape = tuple(clips.read([0])[0]["latents"].shape[1:])
        config.channels, config.text_dim = shape[0], text.dim
        self.clips, self.unseen, self.seed, self.shape = clips, unseen, seed, shape
        self.network = nn.ModuleDict({"denoiser": make_denoiser(config), "text": text})
        self.path, self.times = Linear(), Mixture([(0.8, TIMES), (0.2, PerFrame(TIMES))])
        self.clip_flops = count_flops(self.network["denoiser"], shape, text_tokens=16)

    def fit(self, num_samples: int, batch_size: int, folder: Path) -> float:
        """Train in a folder, unless that was done there already; the held-out loss at the end."""
        loop = Loop(
            num_samples=num_samples, batch_size=batch_size, learning_rate=2e-3,
            optimizer=OPTIMIZER, adamw_share=ADAMW_SHARE, warmup=num_samples // 20,
            averages=(0.1,), seed=self.seed, validate_every=10**9,
        )  # fmt: skip
        if not (folder / "final").exists():
            train(self, loop, folder)
        self.load(folder / "final")
        lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
        return [x["held_out_loss_final"] for x in lines if "held_out_loss_final" in x][-1]

    def loss(
        self, position: Position, batch_size: int, rows: slice
    ) -> tuple[Tensor, dict[str, float]]:
        """The diffusion loss; some captions are dropped, for guidance."""
        indices = draw(self.seed, position, batch_size, len(self.clips))[rows]
        clips, captions = self.clips.read(indices)
        x0 = clips["latents"].float()
        dropped = (torch.rand(batch_size) < CAPTION_DROPOUT)[rows]
        captions = ["" if d else c for c, d in zip(captions, dropped, strict=True)]
        t = self.times.draw(batch_size, x0.shape[2])[rows]
        noise = torch.randn(batch_size, *x0.shape[1:])[rows]
        return self.diffusion_loss(x0, captions, t, noise).mean(), {}

    def diffusion_loss(self, x0: Tensor, captions: list[str], t: Tensor, noise: Tensor) -> Tensor:
        """Per clip, in velocity space; x0: b c f h w, t: b f."""
        conditions = Conditions(self.network["text"](captions))
        return diffusion.loss(self.network["denoiser"], x0, conditions, t, noise, self.path, "x0")

    def validate(self) -> dict[str, float]:
        """The flow loss on unseen clips, on fixed times and fixed noise."""
        generator = torch.Generator().manual_seed(0)
        clips, captions = self.unseen.read(range(min(32, len(self.unseen))))
        x0 = clips["latents"].float()
        losses = []
        for time in VALIDATION_TIMES:
            noise = torch.randn(x0.shape, generator=generator)
            t = torch.full((len(x0), x0.shape[2]), time)
            losses.append(self.diffusion_loss(x0, captions, t, noise).mean().item())
        return {"loss": sum(losses) / len(losses)}

    def show(self, folder: Path, samples: int) -> None:
        """Pictures are made at the end, of every way of sampling."""

    def save(self, folder: Path) -> None:
        for part, network in self.network.items():
            network.save_pretrained(folder / part)

    def load(self, folder: Path) -> None:
        """Take up what `save` wrote."""
        for part, network in self.network.items():
            saved = type(network).from_pretrained(folder / part)
            network.load_state_dict(saved.state_dict())
        self.network.eval()

    def flops(self, batch_size: int) -> float:
        """Forward and backward of the denoiser: three times the forward pass."""
        return 3.0 * batch_size * self.clip_flops


@dataclass
class Cost:
    """What a step of training costs.

    Attributes:
        parameters: of the denoiser.
        gflops: of one forward pass of the denoiser on one clip.
        seconds: of a step, the optimizer's included, at the run's batch.
        megabytes: kept from the forward pass for the backward pass, at the run's batch.
    """

    parameters: int
    gflops: float
    seconds: float
    megabytes: float


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
    with torch.autocast("cpu", torch.bfloat16):
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
