import numpy as np
import pytest

from kinema.metrics.temporal.lighting import (
    gain_flicker,
    light_drift,
    log_gain,
    luma_flicker,
    pair_gains,
    pumping,
    switched,
)


def brighten(frames, gains):
    return np.round(np.asarray(gains)[:, None, None, None] * frames).clip(0, 255).astype(np.uint8)


def test_gains_are_measured_along_the_motion(pan):
    gains = np.where(np.arange(16) % 2, 1.06, 1.0)
    expected = np.diff(np.log(gains))
    # Eight gray levels of offset under a mean of 128 take a sixteenth off.
    np.testing.assert_allclose(pair_gains(brighten(pan * 0.7, gains)), expected, atol=0.008)


@pytest.mark.parametrize("percent", [2, 6])
def test_alternating_gain_is_its_own_flicker(pan, percent):
    frames = brighten(pan * 0.7, 1 + percent / 100 * (np.arange(16) % 2))
    assert float(gain_flicker(frames)) == pytest.approx(percent, rel=0.2)
    assert float(luma_flicker(frames)) == pytest.approx(percent, rel=0.2)


def test_steady_light_does_not_flicker(pan):
    assert float(gain_flicker(pan)) < 0.1
    assert float(pumping(pan)) < 0.5
    assert float(light_drift(pan)) < 0.5


def test_pumping_is_the_rms_of_the_swing(still):
    swing = 1 + 0.1 * np.sin(2 * np.pi * np.arange(16) / 8)
    assert float(pumping(brighten(still, swing))) == pytest.approx(10 / np.sqrt(2), rel=0.15)


def test_a_lamp_that_is_switched_neither_pumps_nor_hides_what_pumps(pan):
    swing = 1 + 0.06 * np.sin(2 * np.pi * np.arange(16) / 8)
    lamp = np.where(np.arange(16) < 7, 1.0, 0.5)
    assert float(pumping(brighten(0.8 * pan, lamp))) < 0.5
    both, swinging = (float(pumping(brighten(0.8 * pan, g))) for g in (lamp * swing, swing))
    assert both == pytest.approx(swinging, rel=0.25)


def test_flicker_is_no_lamp():
    gains = np.diff(0.08 * np.random.default_rng(0).standard_normal(25))
    assert not switched(gains).any() and not switched(np.zeros(0)).any()
    gains[9] = 0.6
    assert np.flatnonzero(switched(gains)).tolist() == [9] and switched(gains)[9] == 1
    gains = np.zeros(8)
    gains[3] = -0.15
    assert switched(gains)[3] == pytest.approx(0.5)


def test_a_fade_is_drift_and_not_flicker(still):
    frames = brighten(still, np.linspace(1, 0.7, 16))
    assert float(light_drift(frames)) == pytest.approx(100 * -np.log(0.7), rel=0.2)
    assert float(gain_flicker(frames)) < 0.3


def test_a_cut_is_no_change_of_light(make_pan):
    frames = np.concatenate([make_pan(), (255 - make_pan(seed=5))[..., ::-1] // 3])
    assert pair_gains(frames)[15] == 0
    assert float(gain_flicker(frames)) < 0.2


@pytest.mark.parametrize("light", [1.0, 0.25])
def test_a_picture_that_is_mostly_black_flickers_as_much(pan, light):
    gains = 1 + 0.08 * (-1.0) ** np.arange(16)
    dark = np.zeros_like(pan)
    dark[:, 24:72, 24:72] = (light * 0.8 * pan)[:, 24:72, 24:72]
    bright = float(gain_flicker(brighten(0.8 * pan, gains)))
    assert float(gain_flicker(brighten(dark, gains))) == pytest.approx(bright, rel=0.2)


def test_blackness_has_no_gain():
    assert log_gain(np.zeros((8, 8), np.float32), np.full((8, 8), 9, np.float32)) == 0
