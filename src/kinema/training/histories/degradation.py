"""Histories degraded as a rollout degrades them (faded, tinted, swollen, shaken), and clips zoomed.

A network that goes on from its own pixels copies their faults along: a color that is a little off
stays off, and the next error adds to it. A network that has seen degraded histories, and has
learned the true frames after them, corrects what it continues. For worlds on white.

Keep the degradation of what a world leaves open small. If the outlines of a history are uncertain,
the best guess of a radius leans towards the mean radius, and after a hundred windows every disc has
the mean radius.

Axes: b clips, c channels, f frames, h w pixels.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from kinema.fields import Share, Weight


@dataclass(frozen=True)
class Degradation:
    """How much histories are degraded."""

    # of the clips with given frames; the others keep theirs as they are. 0 is off.
    share: Share = 0.0
    fade: Share = 0.5  # share of the color that is lost, or half of it gained, at most
    # standard deviation of the numbers by which the color's channels leak into each other
    tint: Weight = 0.15
    # most weight of an outline one pixel further out or in, drawn frame by frame
    swell: Weight = 0.1
    shake: Weight = 0.2  # most pixels that a frame is moved, drawn frame by frame

    def draw(self, batch: int, channels: int, num_frames: int) -> "Faults":
        """The faults of every clip of a batch."""
        chosen = torch.rand(batch) < self.share
        ends = torch.eye(channels) + self.tint * torch.randn(batch, 2, channels, channels)
        ends = ends * (1 - self.fade * (1.5 * torch.rand(batch, 2, 1, 1) - 0.5))
        along = torch.linspace(0, 1, num_frames)[:, None, None]
        return Faults(
            chosen,
            ends[:, :1] * (1 - along) + ends[:, 1:] * along,
            self.swell * (2 * torch.rand(batch, num_frames) - 1),
            self.shake * (2 * torch.rand(batch, num_frames, 2) - 1),
        )


@dataclass(frozen=True)
class Faults:
    """What is wrong with the history of each clip."""

    chosen: Tensor  # (b,) bool, whose history is degraded
    # (b, f, c, c), each channel of the ink from all; it changes evenly over the clip
    mixtures: Tensor
    # (b, f), the weight of an outline one pixel further out, negative for one further in
    swell: Tensor
    shake: Tensor  # (b, f, 2), pixels to the right and down

    def __getitem__(self, rows: slice) -> "Faults":
        return Faults(*(getattr(self, field.name)[rows] for field in fields(self)))


def degraded(x0: Tensor, t: Tensor, faults: Faults) -> Tensor:
    """Degrade the given frames (t = 0) of true clips on white, b c f h w in [-1, 1]; t: b f.

    The others stay, so the loss keeps its targets.
    """
    given = t == 0
    chosen = given & faults.chosen[:, None].to(t.device) & ~given.all(dim=1, keepdim=True)
    ink = tinted(1 - x0, faults.mixtures.to(x0))
    ink = shaken(swollen(ink, faults.swell.to(x0)), faults.shake.to(x0))
    return torch.where(chosen[:, None, :, None, None], (1 - ink).clamp(-1, 1), x0)


def tinted(ink: Tensor, mixtures: Tensor) -> Tensor:
    """Colors faded and mixed; ink: b c f h w, 0 where there is none."""
    return torch.einsum("bfdc,bcfhw->bdfhw", mixtures, ink)


def swollen(ink: Tensor, weights: Tensor) -> Tensor:
    """Outlines moved out, or in, by up to a pixel; weights: b f in [-1, 1]."""
    pool = {"kernel_size": (1, 3, 3), "stride": 1, "padding": (0, 1, 1)}
    weights = weights[:, None, :, None, None]
    outward, inward = F.max_pool3d(ink, **pool), -F.max_pool3d(-ink, **pool)
    return ink + weights.abs() * (torch.where(weights > 0, outward, inward) - ink)


def shaken(ink: Tensor, shifts: Tensor) -> Tensor:
    """Frames moved; shifts: b f 2, pixels to the right and down."""
    pictures = rearrange(ink, "b c f h w -> (b f) c h w")
    side = shifts.new_tensor([ink.shape[-1] - 1, ink.shape[-2] - 1])
    offset = -2 * rearrange(shifts, "b f p -> (b f) p") / side
    moved = fetched(pictures, shifts.new_ones(len(pictures)), offset, "border")
    return rearrange(moved, "(b f) c h w -> b c f h w", b=len(ink))


def fetched(pictures: Tensor, scale: Tensor, offset: Tensor, outside: str) -> Tensor:
    """Pictures n c h w, each place from scale * place + offset; scale: n, offset: n 2 of x, y."""
    grid = offset.new_zeros(len(pictures), 2, 3)  # from a place of the picture to where it was
    grid[:, 0, 0] = grid[:, 1, 1] = scale
    grid[:, :, 2] = offset
    places = F.affine_grid(grid, list(pictures.shape), align_corners=True)
    return F.grid_sample(pictures, places, align_corners=True, padding_mode=outside)


def draw_zoom(zoom: tuple[float, float], batch_size: int) -> tuple[Tensor, Tensor]:
    """Factors (b,), even in the logarithm, and points (b, 2) in [-1, 1] that stay in place."""
    low, high = (float(np.log(factor)) for factor in zoom)
    factor = torch.exp(low + (high - low) * torch.rand(batch_size))
    return factor, 2 * torch.rand(batch_size, 2) - 1


def zoomed(frames: Tensor, factor: Tensor, point: Tensor) -> Tensor:
    """Clips (b c f h w) as a camera nearer (factor above 1) or further away sees them.

    factor: (b,); point: (b, 2), x and y in [-1, 1] of what stays where it is. What lies outside is
    white.
    """
    ink = rearrange(1 - frames, "b c f h w -> b (c f) h w")
    seen = fetched(ink, 1 / factor, point * (1 - 1 / factor[:, None]), "zeros")
    return 1 - rearrange(seen, "b (c f) h w -> b c f h w", f=frames.shape[2])
