"""Backward warping of arrays and of tensors, and where it can be trusted.

F = flow(t -> t+1) lives on frame t's grid, so frame t is rebuilt by *fetching*: I_t(x) is
I_{t+1}(x + F(x)). Fetching I_t(x + F(x)) instead, as is often printed, moves content away.
"""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def warp(image: np.ndarray, flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fetch image(x + flow(x)) for every pixel x, bilinearly.

    Args:
        image: (h w) or (h w c), uint8 or float.
        flow: (h w 2) pixels, on the grid of the result.

    Returns:
        warped: float32, the shape of `image`. Sample positions are rounded to 1/32 pixel (OpenCV's
            remap); outside the image the nearest border pixel is taken.
        valid: (h w) bool, where the sample position lies inside the image.
    """
    h, w = flow.shape[:2]
    assert image.shape[:2] == (h, w), (image.shape, flow.shape)
    x = flow[..., 0] + np.arange(w, dtype=np.float32)
    y = flow[..., 1] + np.arange(h, dtype=np.float32)[:, None]
    image = image.astype(np.float32)
    warped = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    valid = (x >= 0) & (x <= w - 1) & (y >= 0) & (y <= h - 1)
    return warped, valid


def fetch(images: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Fetch images(x + flow(x)) of tensors on any device; gradients pass through.

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
    # grid_sample wants the centers of the first and last pixel at -1 and 1.
    grid = torch.stack([2 * x / max(w - 1, 1) - 1, 2 * y / max(h - 1, 1) - 1], dim=-1)
    fetched = F.grid_sample(
        images, grid.to(images.dtype), padding_mode="border", align_corners=True
    )
    return fetched, valid


def confirmed(flow: np.ndarray, reverse: np.ndarray) -> np.ndarray:
    """Tell where a pixel can be followed to the other frame and back to itself; (h w) bool.

    Forward-backward check of Sundaram et al. 2010 as used by Lai et al. 2018: x is occluded if
    |F(x) + B(x + F(x))|^2 > 0.01 (|F(x)|^2 + |B(x + F(x))|^2) + 0.5, and unconfirmed too if it
    leaves the picture. F and B, (h w 2), live on this and the other frame's grid.
    """
    returned, valid = warp(reverse, flow)
    return valid & leads_back(flow, returned)


def leads_back(step: np.ndarray, returned: np.ndarray) -> np.ndarray:
    """Tell where a step (... 2) and the step back from where it led cancel; (...) bool."""
    gap = np.square(step + returned).sum(-1)
    length = np.square(step).sum(-1) + np.square(returned).sum(-1)
    return gap <= 0.01 * length + 0.5
