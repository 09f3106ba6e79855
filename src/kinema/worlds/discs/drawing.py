"""Discs and a curtain as pixels: on white, edges one pixel soft, pixel centers at world places."""

import numpy as np

EXTENT = 10.0  # units of the picture, from the first to the last pixel center
GRAY = 150.0  # of a curtain


def coverage(centers: np.ndarray, radii: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Compute the share (k f h w) of each pixel under discs at centers (k f 2)."""
    height, width = size
    x = np.linspace(0.0, EXTENT, width)
    y = np.linspace(EXTENT, 0.0, height)
    across = (x - centers[..., 0, None])[:, :, None]
    upward = (y - centers[..., 1, None])[:, :, :, None]
    distance = np.sqrt(across**2 + upward**2)
    pixel = EXTENT / (min(size) - 1)
    return np.clip(0.5 + (radii[:, None, None, None] - distance) / pixel, 0.0, 1.0)


def curtain_cover(curtain: tuple[float, float], width: int) -> np.ndarray:
    """Compute the share (w,) of each column of pixels that a curtain covers.

    Its edges are one pixel soft; at a wall it has none.
    """
    x, pixel = np.linspace(0.0, EXTENT, width), EXTENT / (width - 1)
    left = curtain[0] if curtain[0] > 0.0 else -pixel
    right = curtain[1] if curtain[1] < EXTENT else EXTENT + pixel
    return np.clip(0.5 + np.minimum(x - left, right - x) / pixel, 0.0, 1.0)


def painted(
    share: np.ndarray, inks: np.ndarray, curtain: tuple[float, float] | None = None
) -> np.ndarray:
    """Paint discs on white, and a curtain before them: frames, uint8 (f h w 3).

    share: (k f h w) of each pixel under each disc, from `coverage`; inks: (k 3); curtain: from x to
    x, units, over the whole height.
    """
    frames = 255.0 + np.einsum("kfhw,kc->fhwc", share, inks)
    if curtain is not None:
        cover = curtain_cover(curtain, share.shape[-1])[:, None]
        frames = frames * (1.0 - cover) + GRAY * cover
    return (frames + 0.5).clip(0, 255).astype(np.uint8)
