import cv2
import numpy as np
import pytest
import pytorch_msssim
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.errors import UserError
from kinema.metrics import ms_ssim, psnr, ssim
from kinema.metrics.features.fidelity import SSIM_C1, SSIM_C2


def noise_clip(seed=0, shape=(3, 24, 20, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@given(st.integers(1, 255))
def test_psnr_of_a_constant_offset_is_its_closed_form(offset):
    dark = np.zeros((2, 4, 4, 3), np.uint8)
    assert psnr(dark, dark + np.uint8(offset)) == pytest.approx(20 * np.log10(255 / offset))


def test_psnr_pools_the_squared_error_over_frames():
    a = np.zeros((2, 4, 4, 3), np.uint8)
    b = a.copy()
    b[0] = 10
    assert psnr(a, b) == pytest.approx(10 * np.log10(255**2 / 50))


def test_identical_clips_are_perfect():
    clip = noise_clip()
    assert psnr(clip, clip) == float("inf")
    assert ssim(clip, clip) == pytest.approx(1)


def test_ssim_of_flat_frames_is_the_luminance_term():
    a = np.full((2, 16, 16, 3), 100, np.uint8)
    b = np.full_like(a, 150)
    expected = (2 * 100 * 150 + SSIM_C1) / (100**2 + 150**2 + SSIM_C1)
    assert ssim(a, b) == pytest.approx(expected, abs=1e-6)


def direct_ssim(a, b):
    """Equation 13 of Wang et al. written out window by window."""
    x = np.arange(-5, 6)
    g = np.exp(-(x**2) / (2 * 1.5**2))
    weights = np.outer(g, g) / np.outer(g, g).sum()
    values = []
    for i in range(a.shape[0] - 10):
        for j in range(a.shape[1] - 10):
            p, q = a[i : i + 11, j : j + 11], b[i : i + 11, j : j + 11]
            mp, mq = (weights * p).sum(), (weights * q).sum()
            vp, vq = (weights * (p - mp) ** 2).sum(), (weights * (q - mq) ** 2).sum()
            cov = (weights * (p - mp) * (q - mq)).sum()
            values.append(
                (2 * mp * mq + SSIM_C1)
                * (2 * cov + SSIM_C2)
                / ((mp**2 + mq**2 + SSIM_C1) * (vp + vq + SSIM_C2))
            )
    return np.mean(values)


def test_ssim_equals_the_equation_window_by_window():
    a = noise_clip(0)
    b = np.clip(a.astype(int) + np.random.default_rng(1).normal(0, 20, a.shape), 0, 255)
    b = b.astype(np.uint8)
    expected = np.mean(
        [direct_ssim(a[f, ..., c].astype(float), b[f, ..., c]) for f in range(3) for c in range(3)]
    )
    assert ssim(a, b) == pytest.approx(expected, abs=1e-6)


def noisy_pair(shape, sigma, seed=0):
    """A smooth clip and the same clip under noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (shape[0], 6, 6, 3), dtype=np.uint8)
    a = np.stack([cv2.resize(frame, shape[2:0:-1]) for frame in coarse])
    b = np.clip(a + rng.normal(0, sigma, a.shape), 0, 255).astype(np.uint8)
    return a, b


def peer(measure, a, b):
    tensors = (torch.from_numpy(x).permute(0, 3, 1, 2).double() for x in (a, b))
    return float(measure(*tensors, data_range=255))


@settings(max_examples=5, deadline=None)
@given(st.integers(11, 40), st.integers(11, 40), st.floats(0, 60))
def test_psnr_and_ssim_equal_public_libraries(h, w, sigma):
    a, b = noisy_pair((2, h, w, 3), sigma)
    assert ssim(a, b) == pytest.approx(peer(pytorch_msssim.ssim, a, b), abs=1e-5)
    if (a != b).any():
        stacked = (x.reshape(2 * h, w, 3) for x in (a, b))
        assert psnr(a, b) == pytest.approx(cv2.PSNR(*stacked), abs=1e-6)


@pytest.mark.parametrize("sigma", [2, 15, 60])
def test_ms_ssim_equals_a_public_library(sigma):
    a, b = noisy_pair((2, 176, 192, 3), sigma)
    assert ms_ssim(a, b) == pytest.approx(peer(pytorch_msssim.ms_ssim, a, b), abs=1e-5)
    assert ms_ssim(a, a) == pytest.approx(1)


def test_ms_ssim_of_flat_frames_is_the_luminance_at_the_coarsest_scale():
    a = np.full((1, 161, 163, 3), 100, np.uint8)
    b = np.full_like(a, 150)
    luminance = (2 * 100 * 150 + SSIM_C1) / (100**2 + 150**2 + SSIM_C1)
    assert ms_ssim(a, b) == pytest.approx(luminance**0.1333, abs=1e-6)


def test_ms_ssim_refuses_frames_too_small_for_five_scales():
    small = noise_clip(shape=(1, 160, 200, 3))
    with pytest.raises(UserError, match="161 x 161"):
        ms_ssim(small, small)


@pytest.mark.parametrize("metric", [psnr, ssim, ms_ssim])
def test_clips_of_different_shape_are_refused(metric):
    with pytest.raises(UserError, match="one shape"):
        metric(noise_clip(), noise_clip(shape=(2, 24, 20, 3)))


def test_ssim_refuses_frames_smaller_than_its_window():
    tiny = noise_clip(shape=(1, 10, 30, 3))
    with pytest.raises(UserError, match="11 x 11"):
        ssim(tiny, tiny)
