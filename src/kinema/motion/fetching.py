"""Warping that lets gradients through: `warp` for tensors on any device."""

import torch
import torch.nn.functional as F
from torch import Tensor


def fetch(images: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Read images at x + flow(x) for every pixel x, bilinearly.

    Args:
        images: n c h w.
        flow: n h w 2, (x, y) in pixels, on the grid of the result.

    Returns:
        fetched: n c h w; outside the image its nearest border pixel is taken.
        valid: n h w, where the place lies inside the image.
    """
    n, _, h, w = images.shape
    assert flow.shape == (n, h, w, 2), (images.shape, flow.shape)
    x = flow[..., 0] + torch.arange(w, device=flow.device)
    y = flow[..., 1] + torch.arange(h, device=flow.device)[:, None]
    valid = (x >= 0) & (x <= w - 1) & (y >= 0) & (y <= h - 1)
    # grid_sample wants the centres of the first and last pixel at -1 and 1.
    grid = torch.stack([2 * x / max(w - 1, 1) - 1, 2 * y / max(h - 1, 1) - 1], dim=-1)
    fetched = F.grid_sample(
        images, grid.to(images.dtype), padding_mode="border", align_corners=True
    )
    return fetched, valid
