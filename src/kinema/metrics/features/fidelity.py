"""Full-reference fidelity: how close a clip is to the clip it should be, pixel by pixel."""

import cv2
import numpy as np

from kinema.errors import UserError

SSIM_SIGMA = 1.5  # Wang et al. 2004: a circular Gaussian of 1.5 pixels ...
SSIM_RADIUS = 5  # ... cut to 11 x 11
SSIM_C1 = (0.01 * 255) ** 2
SSIM_C2 = (0.03 * 255) ** 2
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, fine to coarse


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two clips, uint8 (f h w 3), in dB; identical clips give inf.

    10 log10(255^2 / MSE) with the mean squared error pooled over all frames, pixels and channels
    (what ffmpeg prints as "average"): never above the mean of the frames' own PSNRs.

    Raises:
        UserError: if the shapes differ.
    """
    require_same_shape(a, b)
    squares = [cv2.norm(x, y, cv2.NORM_L2SQR) / x.size for x, y in zip(a, b, strict=True)]
    return psnr_of(float(np.mean(squares)))


def psnr_of(mse: float) -> float:
    """Convert a mean squared error of gray levels to dB; inf for 0."""
    return float("inf") if mse == 0 else float(10 * np.log10(255**2 / mse))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity in [-1, 1], 1 for identical clips; the mean over frames and channels.

    Wang et al. 2004, equation 13: Gaussian window of 1.5 pixels (11 x 11), K1 = 0.01, K2 = 0.03,
    range 255, population covariances, channels apart; the 5 border pixels, where the window would
    leave the picture, are not counted. Equal to scikit-image's `structural_similarity(...,
    channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)`
    averaged over frames.

    Raises:
        UserError: if the shapes differ or the frames are smaller than the window.
    """
    require_same_shape(a, b)
    if min(a.shape[1:3]) <= 2 * SSIM_RADIUS:
        raise UserError(f"SSIM needs frames of at least 11 x 11 pixels, not {a.shape[1:3]}.")
    return float(np.mean([similarity(x, y)[0] for x, y in zip(a, b, strict=True)]))


def ms_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Multi-scale structural similarity in [0, 1], 1 for identical clips; mean over frames.

    Wang, Simoncelli and Bovik 2003, equation 7: contrast and structure at five scales, each half
    the one before (mean of 2 x 2 pixels, an odd last row or column repeated), luminance at the
    coarsest. Negative terms count as 0, channels apart. Equal to pytorch-msssim's `ms_ssim(...,
    data_range=255)` for sides divisible by 16. Cost: 4/3 of SSIM.

    Raises:
        UserError: if the shapes differ, or a side is below 161: the window must fit every scale.
    """
    require_same_shape(a, b)
    needed = 2 * SSIM_RADIUS * 2 ** (len(MS_SSIM_WEIGHTS) - 1) + 1
    if min(a.shape[1:3]) < needed:
        raise UserError(
            f"MS-SSIM needs frames of at least {needed} x {needed} pixels, not {a.shape[1:3]}; "
            "SSIM takes smaller ones."
        )
    return float(np.mean([ms_ssim_frame(x, y) for x, y in zip(a, b, strict=True)]))


def ms_ssim_frame(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(np.float32), b.astype(np.float32)
    product = np.ones(a.shape[-1])
    for weight in MS_SSIM_WEIGHTS[:-1]:
        product *= similarity(a, b)[1].clip(0) ** weight
        a, b = halve(a), halve(b)
    return float((product * similarity(a, b)[0].clip(0) ** MS_SSIM_WEIGHTS[-1]).mean())


def halve(image: np.ndarray) -> np.ndarray:
    h, w = image.shape[:2]
    even = np.pad(image, ((0, h % 2), (0, w % 2), (0, 0)), mode="edge")
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4


def similarity(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SSIM and its contrast-structure term of two frames, one value a channel.

    In float32 about the frames' own means, where squares are small: exact to 1e-6.
    """
    center_a, center_b = (np.float32(x.mean((0, 1))) for x in (a, b))
    a, b = a.astype(np.float32) - center_a, b.astype(np.float32) - center_b
    mean_a, mean_b = gaussian_mean(a), gaussian_mean(b)
    variances = gaussian_mean(a * a + b * b) - (mean_a * mean_a + mean_b * mean_b)
    covariance = 2 * (gaussian_mean(a * b) - mean_a * mean_b)
    structure = (covariance + SSIM_C2) / (variances + SSIM_C2)
    mean_a, mean_b = mean_a + center_a, mean_b + center_b
    luminance = 1 - (mean_a - mean_b) ** 2 / (mean_a * mean_a + mean_b * mean_b + SSIM_C1)
    return np.array(cv2.mean(luminance * structure)[:3]), np.array(cv2.mean(structure)[:3])


def gaussian_mean(image: np.ndarray) -> np.ndarray:
    """Gaussian-weighted local mean, where the whole window lies inside the picture."""
    size, r = 2 * SSIM_RADIUS + 1, SSIM_RADIUS
    return cv2.GaussianBlur(image, (size, size), SSIM_SIGMA)[r:-r, r:-r]


def require_same_shape(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape != b.shape:
        raise UserError(f"Fidelity compares clips of one shape, not {a.shape} and {b.shape}.")
