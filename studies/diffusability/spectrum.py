"""The power spectrum of latents, and how far a codec is from moving them as its frames move.

Skorokhodov et al. 2025, "Improving the Diffusability of Autoencoders" (arXiv 2502.14831): a
denoiser learns low frequencies first and errs at high ones; latents whose high frequencies are
stronger than those of the frames they stand for are hard to learn. Frequencies are those of the
DCT, which sees no jump at the border.

Axes: n clips, c channels, f frames, h height, w width, k frequencies.
"""

import numpy as np
import torch
from torch import Tensor

from kinema.codecs import Codec
from kinema.codecs.objective import equivariance, possible
from kinema.codecs.stages import cosines

TIME, HEIGHT, WIDTH = 2, 3, 4
AS_IT_IS = "as it is"


def spectrum(values: Tensor, axis: int) -> np.ndarray:
    """Return mean energy of each cosine along an axis: n c f h w -> (n, k), k = 0 the mean.

    Args:
        values: clips or latents.
        axis: TIME, HEIGHT or WIDTH.
    """
    moved = values.double().movedim(axis, -1)  # n, three others, k
    energy = (moved @ cosines(moved.shape[-1]).double().T).square()
    return energy.mean((1, 2, 3)).numpy()


def spatial_spectrum(values: Tensor) -> np.ndarray:
    """Return the mean spectrum along height and width, which must be equal: (n, k)."""
    return (spectrum(values, HEIGHT) + spectrum(values, WIDTH)) / 2


def slope(energy: np.ndarray) -> float:
    """Fit a line through log energy over log frequency, k >= 1; NaN for fewer than three.

    Natural pictures have about -2; white noise has 0.

    Args:
        energy: (k,) or (n, k), whose mean over clips counts.
    """
    mean = np.atleast_2d(energy).mean(0)[1:]
    if len(mean) < 3:
        return float("nan")
    frequency = np.log(np.arange(1, len(mean) + 1))
    return float(np.polyfit(frequency, np.log(mean + 1e-12), 1)[0])


def upper_share(energy: np.ndarray) -> np.ndarray:
    """Return the share of the energy (k >= 1) in the upper half of the band: (n, k) -> (n,)."""
    half = energy.shape[1] // 2
    return energy[:, max(half, 1) :].sum(1) / (energy[:, 1:].sum(1) + 1e-12)


@torch.no_grad()
def inequivariance(codec: Codec, frames: Tensor, batch_size: int = 8) -> dict[str, list[float]]:
    """Return how far latents are from moving as their frames, for each transformation and clip.

    The error of decoding transformed latents, over the deviation of the transformed frames from
    their mean, both root mean squares: 0 is equivariant, 1 no better than a gray clip. The row
    `AS_IT_IS` is the codec's own error, which no transformation can be below.

    Args:
        codec: frames <-> latents.
        frames: n 3 f h w in [-1, 1].
        batch_size: clips at a time.
    """
    found: dict[str, list[float]] = {}
    for some in frames.split(batch_size):
        latents, size = codec.encode(some), (some.shape[3], some.shape[4])
        errors = {AS_IT_IS: codec.decode(latents, some.shape[2], size) - some}
        errors |= {name: equivariance(codec, latents, some, name) for name in possible(codec, some)}
        # Turned, halved or sped up, the frames vary about as much as they do as they are.
        signal = some.std(dim=(1, 2, 3, 4), correction=0) + 1e-6
        for name, error in errors.items():
            relative = error.square().mean((1, 2, 3, 4)).sqrt() / signal
            found.setdefault(name, []).extend(relative.tolist())
    return found
