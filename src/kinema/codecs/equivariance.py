"""Latents that move as their frames do (Kouzelis et al. 2025, EQ-VAE, arXiv 2502.09509).

A transformation of the latents must decode to the same transformation of the frames: halved in
size, turned by a quarter, or sped up in time. It takes out of the latents the high frequencies
that a denoiser cannot learn. Each function maps latents and frames to transformed ones.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from kinema.codecs.codec import Codec

Transform = Callable[[Tensor, Tensor, tuple[int, int, int]], tuple[Tensor, Tensor]]


def scaled(latents: Tensor, frames: Tensor, factors: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """Averaged over 2 x 2."""
    small = F.avg_pool3d(latents, (1, 2, 2))
    height, width = factors[1] * small.shape[3], factors[2] * small.shape[4]
    return small, F.avg_pool3d(frames, (1, 2, 2))[..., :height, :width]


def turned(latents: Tensor, frames: Tensor, factors: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """Turned by 90 degrees, against the clock."""
    height, width = frames.shape[3] // factors[1], frames.shape[4] // factors[2]
    whole = frames[..., : height * factors[1], : width * factors[2]]
    return latents[..., :height, :width].rot90(1, (3, 4)), whole.rot90(1, (3, 4))


def sped(latents: Tensor, frames: Tensor, factors: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """Every second frame, from pairs of latent frames averaged; the first stands alone."""
    pairs = (latents.shape[2] - 1) // 2
    if factors[0] == 1:
        fast = latents[:, :, : 1 + 2 * pairs : 2]
    else:
        rest = F.avg_pool3d(latents[:, :, 1 : 1 + 2 * pairs], (2, 1, 1))
        fast = torch.cat([latents[:, :, :1], rest], dim=2)
    return fast, frames[:, :, ::2][:, :, : 1 + factors[0] * pairs]


TRANSFORMS: dict[str, Transform] = {"scale": scaled, "turn": turned, "speed": sped}


def possible(codec: Codec, frames: Tensor) -> list[str]:
    """The transformations that clips of this shape are large and long enough for."""
    f, h, w = frames.shape[2:]
    r, p, q = codec.factors
    fits = {"scale": min(h / p, w / q) > 1, "turn": p == q <= min(h, w), "speed": f > 1 + r}
    return [name for name in TRANSFORMS if fits[name]]


def equivariance(codec: Codec, latents: Tensor, frames: Tensor, name: str) -> Tensor:
    """How far transformed latents are from decoding to transformed frames: b 3 f h w."""
    changed, target = TRANSFORMS[name](latents, frames, codec.factors)
    height, width = target.shape[3:]
    return codec.decode(changed, target.shape[2], (height, width)) - target
