import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import UserError
from kinema.metrics import psnr, ssim
from kinema.metrics.fidelity import SSIM_C1, SSIM_C2


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
    assert ssim(a, b) == pytest.approx(expected, abs=1e-9)


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
    assert ssim(a, b) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_clips_of_different_shape_are_refused(metric):
    with pytest.raises(UserError, match="one shape"):
        metric(noise_clip(), noise_clip(shape=(2, 24, 20, 3)))


def test_ssim_refuses_frames_smaller_than_its_window():
    tiny = noise_clip(shape=(1, 10, 30, 3))
    with pytest.raises(UserError, match="11 x 11"):
        ssim(tiny, tiny)
