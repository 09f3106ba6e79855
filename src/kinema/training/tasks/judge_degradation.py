"""Degradation of the judge's training clips, so that it reads generated video as well as renders.

What a codec and a small generator do to a picture: lost detail, smeared motion, grain, patches that
wobble from frame to frame, a color cast, a shifted frame. Every clip gets its own mixture.

Frames are float (b c f h w) in [-1, 1].
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor


def degrade(frames: Tensor, generator: torch.Generator) -> Tensor:
    """Damage each clip in its own way; about a fifth of them stay nearly clean."""
    strength = torch.rand(len(frames), 1, 1, 1, 1, generator=generator)
    strength = (strength * 1.25 - 0.25).clamp_min(0)
    frames = shift(frames, generator)
    frames = lose_detail(frames, strength, generator)
    frames = smear(frames, strength, generator)
    frames = frames + 0.10 * strength * uniform(frames, generator) * normal(frames, generator)
    frames = frames + 0.12 * strength * uniform(frames, generator) * wobble(frames, generator)
    gain = 1 + 0.10 * strength * (uniform(frames, generator, channels=3) - 0.5)
    cast = 0.12 * strength * (uniform(frames, generator, channels=3) - 0.5)
    return (frames * gain + cast).clamp(-1, 1)


def lose_detail(frames: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
    """Blend with the clip as it looks after passing through a smaller picture."""
    f, size = frames.shape[2], frames.shape[-2:]
    small = int(torch.randint(size[0] * 3 // 8, size[0] * 3 // 4, (), generator=generator))
    images = rearrange(frames, "b c f h w -> (b f) c h w")
    images = F.interpolate(images, (small, small), mode="bilinear", antialias=True)
    images = F.interpolate(images, size, mode="bicubic")
    blurred = rearrange(images, "(b f) c h w -> b c f h w", f=f)
    return torch.lerp(frames, blurred, (2 * strength * uniform(frames, generator)).clamp_max(1))


def smear(frames: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
    """Mix neighboring frames, as a codec that compresses time does."""
    padded = F.pad(frames, (0, 0, 0, 0, 1, 1), mode="replicate")
    mean = (padded[:, :, :-2] + padded[:, :, 2:]) / 2
    return torch.lerp(frames, mean, 0.5 * strength * uniform(frames, generator))


def shift(frames: Tensor, generator: torch.Generator, reach: int = 2) -> Tensor:
    """Move the whole batch by up to `reach` pixels; the border is repeated."""
    h, w = frames.shape[-2:]
    y, x = torch.randint(0, 2 * reach + 1, (2,), generator=generator).tolist()
    padded = F.pad(frames, (reach, reach, reach, reach, 0, 0), mode="replicate")
    return padded[..., y : y + h, x : x + w]


def wobble(frames: Tensor, generator: torch.Generator) -> Tensor:
    """Coarse noise, new in every frame: unrelated patches flicker."""
    b, c, f, h, w = frames.shape
    coarse = torch.randn(b * f, c, 8, 8, generator=generator)
    return rearrange(
        F.interpolate(coarse, (h, w), mode="bilinear"), "(b f) c h w -> b c f h w", b=b
    )


def normal(frames: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(frames.shape, generator=generator)


def uniform(frames: Tensor, generator: torch.Generator, channels: int = 1) -> Tensor:
    return torch.rand(len(frames), channels, 1, 1, 1, generator=generator)
