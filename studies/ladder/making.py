"""Clips of a trained network: from a prompt alone, and made again from a true clip.

Made again: a true clip is noised to a strength and denoised, so what it shows moves as the true
clip does, whoever denoises it, and the world's exact flow applies to every row of the ladder alike.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from kinema.blocks.mixers import NoMixing
from kinema.clips import to_frames
from kinema.codecs import CausalVAE
from kinema.diffusion import noise_like_rows
from kinema.sampling import Denoise, DenoiseFn, classifier_free, plans, sample
from studies.ladder.arms import AVERAGED, SHARED, UNMIXED
from studies.ladder.task import LadderTask, decode_frames


@dataclass(frozen=True)
class Making:
    """How clips are sampled."""

    num_steps: int = 20  # from noise to clip
    guidance_scale: float = 3.0  # 1 is off
    shift: float = 2.5  # above 1 spends more of the steps near noise
    strength: float = 0.8  # the noise level from which true clips are made again
    batch_size: int = 8  # clips at a time
    average: int = 3  # frames of the moving average


@torch.no_grad()
def make_clips(
    task: LadderTask,
    codec: CausalVAE,
    captions: list[str],
    way: str,
    making: Making,
    known: Tensor | None = None,
) -> np.ndarray:
    """Sample one clip a caption, uint8 (n f h w 3).

    Args:
        task: with the trained network.
        codec: that its latents belong to.
        captions: the prompts; row i is drawn from seed i.
        way: how: one of `Arm.ways`.
        making: steps, guidance and so on.
        known: latents (n c f h w) of true clips to be made again; from noise alone if None.
    """
    made = []
    switched = without_mixers(task.network["denoiser"]) if way == UNMIXED else nullcontext()
    with switched, torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(captions), making.batch_size):
            rows = range(start, min(start + making.batch_size, len(captions)))
            denoise = steered(task, [captions[i] for i in rows], making.guidance_scale)
            noise = noise_like_rows((len(rows), *task.data.shape), list(rows))
            if way == SHARED:
                noise = noise[:, :, :1].expand_as(noise).contiguous()
            part = None if known is None else known[rows.start : rows.stop]
            latents = walk(denoise, noise, making, part)
            with torch.autocast("cpu", enabled=False):
                made.append(to_frames(decode_frames(codec, latents.float()).clamp(-1, 1)))
    clips = np.concatenate(made)
    return moving_average(clips, making.average) if way == AVERAGED else clips


def walk(denoise: DenoiseFn, noise: Tensor, making: Making, known: Tensor | None) -> Tensor:
    """Sample latents from noise, or from noised true latents."""
    num_frames = noise.shape[2]
    if known is None:
        times = plans.times(making.num_steps, making.shift)
    else:
        times = plans.times(making.num_steps, strength=making.strength)
    return sample(denoise, noise, plans.together(times, num_frames), known=known)


def steered(task: LadderTask, captions: list[str], guidance_scale: float) -> DenoiseFn:
    """Fold the network, its prompts and guidance into one function."""

    def by(texts: list[str]) -> Denoise:
        return task.denoise(task.conditions(texts))

    return classifier_free(by(captions), by([""] * len(captions)), guidance_scale)


def moving_average(clips: np.ndarray, length: int) -> np.ndarray:
    """Replace each frame by the mean of the `length` around it, uint8 (n f h w 3)."""
    before = length // 2
    ends = (before, length - 1 - before)
    padded = np.pad(clips.astype(np.float32), ((0, 0), ends, (0, 0), (0, 0), (0, 0)), mode="edge")
    num_frames = clips.shape[1]
    total = sum(padded[:, i : i + num_frames] for i in range(length))
    return np.rint(np.asarray(total) / length).astype(np.uint8)


@contextmanager
def without_mixers(network: nn.Module) -> Iterator[None]:
    """Leave out every temporal mixer within the block: the same network, frame by frame."""
    blocks = [module for module in network.modules() if hasattr(module, "mixer")]
    mixers = [block.mixer for block in blocks]
    try:
        for block in blocks:
            block.mixer = NoMixing()
        yield
    finally:
        for block, mixer in zip(blocks, mixers, strict=True):
            block.mixer = mixer
