import cv2
import numpy as np
import pytest

from kinema.metrics.temporal.sharpness import blur_growth, crispness, detail, detail_loss, trail


def test_halving_the_contrast_costs_two(pan):
    assert float(detail(pan)) - float(detail(pan // 2)) == pytest.approx(2, abs=0.25)


def test_crispness_forgives_contrast_and_not_blur(pan):
    assert float(crispness(pan // 2)) == pytest.approx(float(crispness(pan)), abs=0.25)
    blurred = np.stack([cv2.GaussianBlur(f, (0, 0), 2) for f in pan])
    assert float(crispness(blurred)) < float(crispness(pan)) - 0.9


def test_growing_blur_grows(pan):
    frames = [cv2.GaussianBlur(f, (0, 0), 0.2 + 0.15 * t) for t, f in enumerate(pan)]
    score = blur_growth(np.stack(frames))
    assert float(score) > 1
    assert np.nanargmax(score.curve) >= 11
    assert float(detail_loss(np.stack(frames))) > 1


def test_blur_that_stays_does_not_grow(pan):
    blurred = np.stack([cv2.GaussianBlur(f, (0, 0), 2) for f in pan])
    assert abs(float(blur_growth(blurred))) < 0.2
    assert abs(float(blur_growth(pan))) < 0.2


def test_a_softer_second_shot_is_not_growing_blur(make_pan):
    other = np.stack([cv2.GaussianBlur(255 - f, (0, 0), 3) for f in make_pan(seed=5)]) // 2
    assert abs(float(blur_growth(np.concatenate([make_pan(), other])))) < 0.2


def test_ghosts_smear_things_along_their_motion_only(make_pan, still):
    pan = make_pan(pixels=2)
    ghosts = np.stack([pan[max(0, t - 3) : t + 4].mean(0) for t in range(16)]).astype(np.uint8)
    soft = np.stack([cv2.GaussianBlur(frame, (0, 0), 1.5) for frame in pan])
    assert float(trail(ghosts)) > float(trail(pan)) + 1
    assert float(trail(soft)) == pytest.approx(float(trail(pan)), abs=0.3)
    assert np.isnan(float(trail(still)))


def test_strong_blur_that_reaches_the_coarse_detail_is_growth_too(pan):
    sigmas = np.linspace(0.1, 5, len(pan))
    strong = np.stack([cv2.GaussianBlur(f, (0, 0), s) for f, s in zip(pan, sigmas, strict=True)])
    assert float(blur_growth(strong)) > 1
