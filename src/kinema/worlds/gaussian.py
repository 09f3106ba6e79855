"""Gaussian frames: the world in which the perfect denoiser is known in closed form.

Every pixel is an independent stationary AR(1) process in time, x0[i] = rho x0[i-1] + ..., so that
frames i and j correlate as rho^|i-j|. For x = alpha x0 + sigma noise with its own alpha and sigma
in every frame the posterior mean is the linear (Wiener) estimate

    E[x0 | x] = m + C A (A C A + S^2)^-1 (x - A m),   A = diag(alpha), S = diag(sigma).

A sampler that uses it must bring noise back to the known covariance, at its own order in the step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from einops import einsum, rearrange
from torch import Tensor

from kinema.worlds.world import Rendering, Truth, WorldClip


@dataclass(frozen=True)
class GaussianWorld:
    """Clips x0: b c f h w of Gaussian pixels, correlated in time only.

    num_frames: f; rho: correlation of neighboring frames, in (-1, 1); mean, std: of every pixel;
    shape: (c, h, w).
    """

    num_frames: int
    rho: float = 0.9
    mean: float = 0.0
    std: float = 1.0
    shape: tuple[int, int, int] = (1, 1, 1)
    dtype: torch.dtype = torch.float64

    @property
    def covariance(self) -> Tensor:
        """Covariance (f f) of one pixel's frames."""
        index = torch.arange(self.num_frames, dtype=self.dtype)
        return self.std**2 * self.rho ** (index[:, None] - index).abs()

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n clips x0 (n c f h w)."""
        c, h, w = self.shape
        noise = torch.randn(n, c, self.num_frames, h, w, generator=generator, dtype=self.dtype)
        root = torch.linalg.cholesky(self.covariance)
        return self.mean + einsum(root, noise, "f g, b c g h w -> b c f h w")

    def denoise(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Compute the posterior mean E[x0 | x] of x (b c f h w); alpha, sigma: (b f)."""
        gain = self._gain(alpha, sigma)
        surprise = x.to(self.dtype) - self.mean * rearrange(
            alpha.to(self.dtype), "b f -> b 1 f 1 1"
        )
        x0 = self.mean + einsum(gain, surprise, "b f g, b c g h w -> b c f h w")
        return x0.to(x.dtype)

    def _gain(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Compute C A (A C A + S^2)^-1, (b f f). No frame may have alpha = sigma = 0."""
        alpha, sigma = alpha.to(self.dtype), sigma.to(self.dtype)
        covariance = self.covariance.to(alpha.device)
        observed = alpha[:, :, None] * covariance * alpha[:, None] + torch.diag_embed(sigma**2)
        crossed = alpha[:, :, None] * covariance  # A C, the transpose of C A
        return torch.linalg.solve(observed, crossed).transpose(1, 2)


LEVELS = range(1, 5)
SPLITS: tuple[str, ...] = ("train", "held_out", "all")  # all alike: nothing is held out
FPS = 16.0
RHO = {1: 0.9, 2: 0.97, 3: 0.6, 4: 0.0}  # correlation of neighboring frames by level
MEAN, STD = 127.5, 42.0  # gray levels


def render(seeds: Sequence[int], rendering: Rendering = Rendering()) -> list[WorldClip]:
    """Render Gaussian frames as pictures, one clip a seed; the level sets their correlation.

    The truth is the mean and the covariance in time, as tracks.
    """
    level, num_frames = rendering.level, rendering.num_frames
    world = GaussianWorld(num_frames, RHO[level], MEAN, STD, (3, *rendering.height_width))
    known = {"mean": np.full(num_frames, MEAN), "covariance": world.covariance.numpy()}
    clips = []
    for seed in seeds:
        x0 = world.sample(1, torch.Generator().manual_seed(seed))[0]
        frames = rearrange(x0, "c f h w -> f h w c").round().clamp(0, 255).to(torch.uint8)
        attributes = {"level": level, "rho": RHO[level], "mean": MEAN, "std": STD}
        caption = f"gaussian frames with correlation {RHO[level]:g}"
        truth = Truth(tracks=dict(known)) if rendering.truth else None
        fps = rendering.fps or FPS
        clips.append(WorldClip(frames.numpy(), fps, caption, attributes, truth))
    return clips
