import numpy as np
import pytest

from kinema.motion.camera import fit_affine


def affine_flow(translation, zoom, roll, size=(48, 64)):
    h, w = size
    y, x = np.mgrid[:h, :w]
    half = min(h, w) / 2
    x, y = (x - (w - 1) / 2) / half, (y - (h - 1) / 2) / half
    flow = np.stack([zoom * x - roll * y, zoom * y + roll * x], -1) + np.asarray(translation)
    return flow.astype(np.float32)[None]


def test_translation_zoom_and_roll_of_an_exact_field():
    fit = fit_affine(affine_flow((1.5, -2.0), zoom=0.7, roll=0.3))
    np.testing.assert_allclose(fit.translation[0], (1.5, -2.0), atol=1e-3)
    assert fit.zoom[0] == pytest.approx(0.7, abs=1e-3)
    assert fit.roll[0] == pytest.approx(0.3, abs=1e-3)


def test_the_field_of_the_fit_is_the_flow():
    flow = affine_flow((3.0, 1.0), zoom=-0.4, roll=0.2)
    np.testing.assert_allclose(fit_affine(flow).field(0), flow[0], atol=2e-3)


def test_a_moving_object_does_not_move_the_camera():
    flow = affine_flow((1.0, 0.0), zoom=0.0, roll=0.0)
    flow[0, :20, :30] = (-9.0, 4.0)  # a fifth of the picture goes its own way
    np.testing.assert_allclose(fit_affine(flow).translation[0], (1.0, 0.0), atol=0.05)


def test_no_field_gives_no_map():
    assert fit_affine(np.zeros((0, 32, 32, 2), np.float32)).coefficients.shape == (0, 3, 2)
