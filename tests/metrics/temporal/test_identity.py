import cv2
import numpy as np
import pytest

from kinema.metrics.temporal.identity import (
    histogram_drift,
    lost_share,
    palette_distance,
    steady_drift,
    tracked_drift,
)


def recolored(frames, amount):
    """The left half turns to other colors along the clip."""
    out = frames.astype(np.float32)
    share = amount * np.linspace(0, 1, len(frames))[:, None, None, None]
    target = out[..., [1, 2, 0]] * (1.3, 0.8, 0.5)
    half = frames.shape[2] // 2
    out[:, :, :half] = out[:, :, :half] * (1 - share) + target[:, :, :half] * share
    return out.clip(0, 255).astype(np.uint8)


def test_a_frozen_clip_keeps_its_identity(still):
    assert float(histogram_drift(still)) == pytest.approx(0, abs=1e-3)
    assert float(tracked_drift(still)) == 0
    assert float(lost_share(still)) == 0


def test_colors_that_turn(pan):
    turned = recolored(pan, 1.0)
    assert float(histogram_drift(turned)) > 2 * float(histogram_drift(pan))
    assert float(tracked_drift(turned)) > 4 * float(tracked_drift(pan)) + 2
    curve = tracked_drift(turned).curve
    assert curve[-1] > curve[8] > curve[1]


def test_brightening_everything_is_not_drift(still):
    gains = np.linspace(1, 1.15, 16)[:, None, None, None]
    assert float(tracked_drift((still * 0.8 * gains).astype(np.uint8))) < 6


def test_points_that_leave_are_lost(make_pan):
    frames = make_pan(pixels=3)
    assert float(lost_share(frames)) == pytest.approx(45 / 96, abs=0.15)


def test_drift_is_not_measured_across_a_cut(make_pan):
    frames = np.concatenate([make_pan(), (255 - make_pan(seed=5))[..., ::-1] // 2])
    whole = max(float(histogram_drift(frames[:16])), float(histogram_drift(frames[16:])))
    assert float(histogram_drift(frames)) == pytest.approx(whole)


def test_steady_change_is_drift_and_change_to_and_fro_is_not(pan):
    turned = recolored(pan, 1.0)
    there_and_back = turned[np.r_[0:16:2, 15:0:-2]]
    assert float(steady_drift(turned)) > 10 * max(float(steady_drift(pan)), 0.5)
    assert float(steady_drift(there_and_back)) < 0.2 * float(steady_drift(turned))


def test_steady_drift_reads_the_change_of_color(still):
    start, end = np.array([120, 120, 120]), np.array([150, 110, 100])
    share = np.linspace(0, 1, 17)[:, None]
    colors = np.round(start + share * (end - start)).astype(np.uint8)
    frames = np.broadcast_to(colors[:, None, None], (17, 32, 32, 3)).copy()
    lab = cv2.cvtColor(np.float32(colors[None, [0, -1]]) / 255, cv2.COLOR_RGB2LAB)[0]
    expected = np.hypot(*(lab[1] - lab[0])[1:])  # the lightness changes everywhere: light
    assert float(steady_drift(frames)) == pytest.approx(expected, rel=0.05)


def test_more_light_and_noise_are_no_steady_drift(still):
    gains = np.linspace(1, 1.15, 16)[:, None, None, None]
    noise = 8 * np.random.default_rng(0).standard_normal(still.shape)
    assert float(steady_drift((still * 0.8 * gains).astype(np.uint8))) < 3
    assert float(steady_drift((still + noise).clip(0, 255).astype(np.uint8))) < 1


def test_a_lamp_that_is_switched_is_no_steady_drift(pan):
    lamp = np.where(np.arange(16) < 7, 1.0, 0.45)[:, None, None, None]
    assert float(steady_drift((pan * lamp).astype(np.uint8))) < 1.0


def test_palettes_against_a_reference(still, pan):
    assert palette_distance(still, still[:3]) == pytest.approx(0, abs=1e-3)
    turned = palette_distance(recolored(still, 1.0), still[:1])
    assert turned.shape == (len(still),) and (np.diff(turned)[1:] > -0.05).all()
    assert turned[-1] > 0.3


@pytest.mark.filterwarnings("error")
def test_a_picture_of_one_pixel_loses_nothing():
    assert lost_share(np.zeros((5, 1, 1, 3), np.uint8)).value == 0
