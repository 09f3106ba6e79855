"""Full-reference fidelity: how close a clip is to the clip it should be, pixel by pixel.

PSNR and SSIM need the true frames, so they judge codecs, streaming and tiling. They see spatial
quality (blur, blocks), which every score of temporal consistency is blind to.
"""

import cv2
import numpy as np

from kinema.errors import UserError

SSIM_SIGMA = 1.5  # Wang et al. 2004: a circular Gaussian of 1.5 pixels ...
SSIM_RADIUS = 5  # ... cut to 11 x 11
SSIM_C1 = (0.01 * 255) ** 2
SSIM_C2 = (0.03 * 255) ** 2


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two clips in dB; higher is closer, identical clips give inf.

    10 log10(255^2 / MSE) with the mean squared error pooled over all frames, pixels and channels
    (what ffmpeg prints as "average"): never above the mean of the frames' own PSNRs.

    Args:
        a: uint8 (f h w 3), grey levels 0-255.
        b: the same shape.

    Raises:
        UserError: if the shapes differ.
    """
    _require_same_shape(a, b)
    # Frame by frame: a float copy of a long clip would be eight times its size.
    mse = np.mean([np.mean((x.astype(np.float64) - y) ** 2) for x, y in zip(a, b, strict=True)])
    return float("inf") if mse == 0 else float(10 * np.log10(255**2 / mse))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity in [-1, 1], 1 for identical clips; the mean over frames and channels.

    Wang et al. 2004, equation 13: Gaussian window of 1.5 pixels (11 x 11), K1 = 0.01, K2 = 0.03,
    range 255, population covariances, channels apart; the 5 border pixels, where the window would
    leave the picture, are not counted. Equal to scikit-image's `structural_similarity(...,
    channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)`
    averaged over frames.

    Args:
        a: uint8 (f h w 3), at least 11 x 11 pixels.
        b: the same shape.

    Raises:
        UserError: if the shapes differ or the frames are smaller than the window.
    """
    _require_same_shape(a, b)
    if min(a.shape[1:3]) <= 2 * SSIM_RADIUS:
        raise UserError(f"SSIM needs frames of at least 11 x 11 pixels, not {a.shape[1:3]}.")
    return float(np.mean([_ssim_frame(x, y) for x, y in zip(a, b, strict=True)]))


def _ssim_frame(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(np.float64), b.astype(np.float64)
    mean_a, mean_b = _window(a), _window(b)
    var_a = _window(a * a) - mean_a**2
    var_b = _window(b * b) - mean_b**2
    cov = _window(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + SSIM_C1) / (mean_a**2 + mean_b**2 + SSIM_C1)
    structure = (2 * cov + SSIM_C2) / (var_a + var_b + SSIM_C2)
    return float(np.mean(luminance * structure))


def _window(image: np.ndarray) -> np.ndarray:
    """Gaussian-weighted local mean, where the whole window lies inside the picture."""
    size, r = 2 * SSIM_RADIUS + 1, SSIM_RADIUS
    return cv2.GaussianBlur(image, (size, size), SSIM_SIGMA)[r:-r, r:-r]


def _require_same_shape(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape != b.shape:
        raise UserError(f"PSNR and SSIM compare clips of one shape, not {a.shape} and {b.shape}.")
