"""Embeddings: the time of a frame as a vector, and a video as tokens and back."""

import math

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F


def sinusoids(t: Tensor, dim: int) -> Tensor:
    """cos and sin of 1000 t at `dim / 2` frequencies from 1 to 1/10000: (..., dim), fp32.

    Times live in [0, 1] everywhere else; the factor of 1000 is the convention of DDPM and DiT.
    """
    frequencies = torch.exp(-math.log(1e4) * torch.arange(dim // 2, device=t.device) / (dim // 2))
    angles = 1000 * t.float()[..., None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class TimeEmbedding(nn.Module):
    """t in [0, 1], any shape -> (..., dim), by sinusoids and a two-layer network."""

    def __init__(self, dim: int, num_sinusoids: int = 256):
        super().__init__()
        self.num_sinusoids = num_sinusoids
        self.up = nn.Linear(num_sinusoids, dim)
        self.down = nn.Linear(dim, dim)

    def forward(self, t: Tensor) -> Tensor:
        features = sinusoids(t, self.num_sinusoids).to(self.up.weight.dtype)
        return self.down(F.silu(self.up(features)))


def patchify(x: Tensor, patch: tuple[int, int, int]) -> Tensor:
    """Cut a video b c (f p) (h q) (w r) into patches b f h w (c p q r), a token each."""
    p, q, r = patch
    return rearrange(x, "b c (f p) (h q) (w r) -> b f h w (c p q r)", p=p, q=q, r=r)


def unpatchify(tokens: Tensor, patch: tuple[int, int, int]) -> Tensor:
    """The inverse of `patchify`."""
    p, q, r = patch
    return rearrange(tokens, "b f h w (c p q r) -> b c (f p) (h q) (w r)", p=p, q=q, r=r)


def pad_to_multiple(x: Tensor, patch: tuple[int, int, int]) -> Tensor:
    """Repeat the last frame, row and column of b c f h w until patches fill it exactly."""
    missing = [-length % size for length, size in zip(x.shape[2:], patch, strict=True)]
    if not any(missing):
        return x
    f, h, w = missing
    return F.pad(x, (0, w, 0, h, 0, f), mode="replicate")
