import cv2
import numpy as np
import pytest

from kinema.metrics.temporal.flicker import (
    fast_share,
    flicker,
    native_grain,
    noise,
    texture_flicker,
)


def with_noise(frames, sigma, seed=0):
    noise_ = np.random.default_rng(seed).standard_normal(frames.shape)
    return np.round(frames + sigma * noise_).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("sigma", [4, 10])
def test_noise_is_its_standard_deviation(sigma):
    flat = np.full((8, 64, 64, 3), 128, np.uint8)
    luma_sigma = sigma * np.sqrt(0.299**2 + 0.587**2 + 0.114**2)
    assert float(noise(with_noise(flat, sigma))) == pytest.approx(luma_sigma, rel=0.25)


def test_a_frozen_clip_does_not_flicker(still):
    assert [float(metric(still)) for metric in (flicker, texture_flicker, noise)] == [0, 0, 0]


def test_noise_raises_noise_more_than_texture_flicker(pan):
    noisy = with_noise(pan, 8)
    gain = float(noise(noisy)) / float(noise(pan))
    assert gain > 2 * float(texture_flicker(noisy)) / float(texture_flicker(pan))


def test_boiling_patches_are_texture_flicker(pan):
    rng = np.random.default_rng(0)
    patches = cv2.resize(rng.standard_normal((12, 12, 16)), (96, 96)).transpose(2, 0, 1)[..., None]
    boiling = (pan + 15 * patches).clip(0, 255).astype(np.uint8)
    assert float(texture_flicker(boiling)) > 3 * float(texture_flicker(pan))


def test_one_bad_frame_shows_in_the_curve_and_not_in_the_value(pan):
    frames = pan.copy()
    frames[8] = with_noise(frames[8:9], 20)[0]
    score = flicker(frames)
    assert np.nanargmax(score.curve) == 8
    assert float(score) < 0.3 * np.nanmax(score.curve)


def test_white_noise_has_half_its_energy_in_the_fast_half():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (32, 64, 64, 3)).astype(np.uint8)
    assert float(fast_share(frames)) == pytest.approx(0.5, abs=0.08)


def test_a_clip_too_short_shows_nothing(pan):
    assert float(flicker(pan[:2])) == 0
    assert float(fast_share(pan[:4])) == 0


def test_noise_is_as_loud_in_a_large_frame():
    """White noise added at the native size reads the same although frames are averaged down."""
    flat = np.full((5, 540, 960, 3), 128, np.uint8)
    small, large = (float(noise(with_noise(frames, 12))) for frames in (flat[:, :256, :456], flat))
    assert large == pytest.approx(small, rel=0.3)  # averaged down, it would be half


def test_black_tiles_say_nothing_of_noise():
    assert (native_grain(np.zeros((4, 6, 48, 48), np.uint8)) == 0).all()
