"""Dense Lucas-Kanade flow in torch: differentiable, in batches, on any device.

Lucas and Kanade 1981, coarse to fine: on each level of a pyramid the flow of a pixel is the shift
that explains the change in a window around it best in the least squares sense,

    (sum of g g^T + lambda I) step = -sum of g (warped b - a) - lambda flow,     g the gradient,

repeated from where the last step led (Bouguet 2001). The gradient is the mean of both pictures':
each step is then exact to second order. Lambda is a prior for small motion (Simoncelli et al.
1991): a window without texture stands still instead of keeping what a coarser level guessed.
Axes: b batch, c channels, h height, w width; flow has (x, y) along its channels.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from kinema.motion.frames import on_frames
from kinema.motion.warp import fetch

SMALLEST_LEVEL = 12  # pixels a side of the coarsest level
BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


@dataclass(frozen=True)
class LucasKanade:
    """Settings; called with two uint8 frames it is a flow method like DIS and Farneback."""

    radius: int = 7  # of the Gaussian window in pixels, two standard deviations
    num_iterations: int = 4  # steps on each level
    stiffness: float = 1e-5  # lambda, squared gradients of [-1, 1]: nothing weaker moves
    short_side: int | None = 256  # working size of uint8 frames; None keeps their own
    device: str = "cpu"  # "cpu" or "cuda", for uint8 frames

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Flow (h w 2) from frame a to frame b, both uint8 (h w 3)."""
        return on_frames(lambda x, y: lucas_kanade(x, y, self), a, b, self.short_side, self.device)


def lucas_kanade(a: Tensor, b: Tensor, settings: LucasKanade = LucasKanade()) -> Tensor:
    """Estimate flow from a to b, b c h w in [-1, 1]: what is at x in a is at x + flow(x) in b.

    All channels count alike.

    Returns:
        b 2 h w, pixels; differentiable in both pictures.
    """
    assert a.shape == b.shape, (a.shape, b.shape)
    levels = [(a, b)]
    while min(levels[-1][0].shape[-2:]) >= 2 * SMALLEST_LEVEL:
        levels.append((halved(levels[-1][0]), halved(levels[-1][1])))
    coarsest = levels[-1][0]
    flow = coarsest.new_zeros(len(a), 2, *coarsest.shape[-2:])
    for one, other in reversed(levels):
        flow = resized(flow, (one.shape[-2], one.shape[-1]))
        for _ in range(settings.num_iterations):
            flow = flow + step(one, other, flow, settings)
    return flow


def step(a: Tensor, b: Tensor, flow: Tensor, settings: LucasKanade) -> Tensor:
    """Compute the Gauss-Newton step (b 2 h w) from a flow."""
    warped, valid = fetch(b, rearrange(flow, "b xy h w -> b h w xy"))
    inside = valid[:, None].to(b.dtype)
    change = (warped - a - interpolation_error(a, flow)) * inside
    along_x, along_y = (gradient * inside for gradient in gradients((a + warped) / 2))
    products = torch.cat(
        [
            (along_x * along_x).mean(1, keepdim=True) + settings.stiffness,
            (along_x * along_y).mean(1, keepdim=True),
            (along_y * along_y).mean(1, keepdim=True) + settings.stiffness,
            (along_x * change).mean(1, keepdim=True),
            (along_y * change).mean(1, keepdim=True),
        ],
        dim=1,
    )
    xx, xy, yy, xt, yt = window(products, settings.radius).unbind(1)
    xt, yt = xt + settings.stiffness * flow[:, 0], yt + settings.stiffness * flow[:, 1]
    determinant = xx * yy - xy * xy
    x, y = (xy * yt - yy * xt) / determinant, (xy * xt - xx * yt) / determinant
    return torch.stack([x, y], dim=1).clamp(-2, 2)  # further than a level can see is a guess


def interpolation_error(image: Tensor, flow: Tensor) -> Tensor:
    """Compute what bilinear interpolation adds to a picture: p (1 - p) / 2 of its curvature.

    p is the fraction of the way from one pixel to the next. Uncorrected, it would bend the flow by
    some hundredths of a pixel.
    """
    wide = F.pad(image, (1, 1, 1, 1), "replicate")
    middle = 2 * image
    along_x = wide[..., 1:-1, 2:] + wide[..., 1:-1, :-2] - middle
    along_y = wide[..., 2:, 1:-1] + wide[..., :-2, 1:-1] - middle
    part = flow - flow.detach().floor()
    weight = part * (1 - part) / 2
    return weight[:, :1] * along_x + weight[:, 1:] * along_y


def gradients(image: Tensor) -> tuple[Tensor, Tensor]:
    """Take central differences along x and y, one-sided at the border."""
    right, below = F.pad(image, (1, 1, 0, 0), "replicate"), F.pad(image, (0, 0, 1, 1), "replicate")
    return (right[..., 2:] - right[..., :-2]) / 2, (below[..., 2:, :] - below[..., :-2, :]) / 2


def window(image: Tensor, radius: int) -> Tensor:
    """Average over a Gaussian window of 2 radius + 1 pixels, renormalized at the border."""
    offsets = torch.arange(-radius, radius + 1, device=image.device, dtype=image.dtype)
    weights = torch.exp(-2 * (offsets / max(radius, 1)).square())
    weights = weights / weights.sum()
    return separable(image, weights)


def halved(image: Tensor) -> Tensor:
    """Keep every second pixel after a binomial blur; pixel (0, 0) stays where it is."""
    return separable(image, image.new_tensor(BINOMIAL))[..., ::2, ::2]


def separable(image: Tensor, weights: Tensor) -> Tensor:
    """Correlate each channel with one odd kernel along x and along y, the border repeated."""
    r, c = len(weights) // 2, image.shape[1]
    rows, columns = (weights.view(1, 1, *shape).expand(c, 1, *shape)
                     for shape in ((1, len(weights)), (len(weights), 1)))  # fmt: skip
    image = F.conv2d(F.pad(image, (r, r, 0, 0), "replicate"), rows, groups=c)
    return F.conv2d(F.pad(image, (0, 0, r, r), "replicate"), columns, groups=c)


def resized(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring flow of a coarser level to the grid of a finer one, of twice its size."""
    if flow.shape[-2:] == size:
        return flow
    padded = F.pad(flow, (0, 1, 0, 1), "replicate")
    h, w = (2 * n + 1 for n in flow.shape[-2:])  # corners on corners: pixel i lands on 2 i
    fine = 2 * F.interpolate(padded, (h, w), mode="bilinear", align_corners=True)
    return fine[..., : size[0], : size[1]]
