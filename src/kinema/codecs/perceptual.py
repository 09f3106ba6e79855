"""A perceptual distance that needs no weights: the normalized Laplacian pyramid.

Laparra, Balle, Berardino and Simoncelli 2016, "Perceptual image quality assessment using a
normalized Laplacian pyramid": every frequency band of a picture is divided by its own amplitude
nearby, as the retina does, so that a lost texture counts where the picture is calm and not where it
is busy. Whoever has weights of a network (LPIPS) gives that instead: any function of two clips.

Axes: b batch, c channels, f frames, h height, w width.
"""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

Distance = Callable[[Tensor, Tensor], Tensor]
"""(b c f h w, b c f h w), both in [-1, 1] -> (b,); 0 for equal clips."""

LEVELS = 4
CALM = 0.05  # the amplitude, of 2 for black against white, below which nothing is amplified
KERNEL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)  # Burt and Adelson 1983


def laplacian_distance(a: Tensor, b: Tensor) -> Tensor:
    """Root mean square difference of the normalized bands, averaged over bands: (b,)."""
    batch = a.shape[0]
    with torch.autocast(a.device.type, enabled=False):  # bf16 would drown calm bands in rounding
        pairs = zip(normalized_bands(frames_of(a)), normalized_bands(frames_of(b)), strict=True)
        squares = [(x - y).square().reshape(batch, -1).mean(dim=1) for x, y in pairs]
    return torch.stack([(square + 1e-8).sqrt() - 1e-4 for square in squares]).mean(dim=0)


def frames_of(clip: Tensor) -> Tensor:
    return rearrange(clip.float(), "b c f h w -> (b f) c h w")


def normalized_bands(image: Tensor) -> Iterator[Tensor]:
    """n c h w -> the bands from fine to coarse, what is left last, each over its amplitude."""
    for _ in range(LEVELS):
        if min(image.shape[2:]) < 4:
            break
        small = blurred(image)[..., ::2, ::2]
        yield normalized(image - F.interpolate(small, image.shape[2:], mode="bilinear"))
        image = small
    yield normalized(image)


def normalized(band: Tensor) -> Tensor:
    """z / (0.05 + the mean of |z| over 5 x 5 pixels)."""
    nearby = F.avg_pool2d(band.abs(), 5, stride=1, padding=2, count_include_pad=False)
    return band / (CALM + nearby)


def blurred(image: Tensor) -> Tensor:
    """The binomial low-pass filter of five taps, down and across."""
    channels = image.shape[1]
    taps = image.new_tensor(KERNEL).expand(channels, 1, 1, 5)
    padded = F.pad(image, (2, 2, 2, 2), mode="replicate")
    across = F.conv2d(padded, taps, groups=channels)
    return F.conv2d(across, taps.transpose(2, 3), groups=channels)
