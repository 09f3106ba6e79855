import cv2
import numpy as np
import pytest

from kinema.metrics.temporal.sharpness import blur_growth, crispness, detail, detail_loss


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
