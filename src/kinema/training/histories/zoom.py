"""Clips as a camera nearer or further away sees them: a law without a scale, shown at every size.

For worlds on white: what comes into view from outside the frame is white.

Axes: b clips, c channels, f frames, h w pixels.
"""

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor


def draw_zoom(zoom: tuple[float, float], batch_size: int) -> tuple[Tensor, Tensor]:
    """Factors (b,), even in the logarithm, and points (b, 2) in [-1, 1] that stay in place."""
    low, high = (float(np.log(factor)) for factor in zoom)
    factor = torch.exp(low + (high - low) * torch.rand(batch_size))
    return factor, 2 * torch.rand(batch_size, 2) - 1


def zoomed(frames: Tensor, factor: Tensor, point: Tensor) -> Tensor:
    """Clips as a camera nearer or further away sees them; what lies outside is white.

    Args:
        frames: b c f h w in [-1, 1].
        factor: (b,), above 1 for a camera that is nearer.
        point: (b, 2), x and y in [-1, 1] of what stays where it is.
    """
    grid = torch.zeros(len(frames), 2, 3)  # from a place of the picture to where it was
    grid[:, 0, 0] = grid[:, 1, 1] = 1 / factor
    grid[:, :, 2] = point * (1 - 1 / factor[:, None])
    ink = rearrange(1 - frames, "b c f h w -> b (c f) h w")
    places = F.affine_grid(grid, list(ink.shape), align_corners=True)
    seen = F.grid_sample(ink, places, align_corners=True)
    return 1 - rearrange(seen, "b (c f) h w -> b c f h w", f=frames.shape[2])
