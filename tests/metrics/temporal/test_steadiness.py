import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.metrics.temporal.steadiness import (
    acceleration,
    agreement,
    continuity,
    disorder,
    erratic,
    shake,
    swimming,
    unshifted_distance,
)


def shifted(frame, dx, dy):
    matrix = np.float32([[1, 0, dx], [0, 1, dy]])
    return cv2.warpAffine(frame, matrix, frame.shape[1::-1], borderMode=cv2.BORDER_REFLECT)


def test_a_shake_of_known_size(still):
    shaken = np.stack([shifted(f, 2 * (-1) ** t, 0) for t, f in enumerate(still)])
    # From -2 to 2 and back: each frame lies 4 pixels from the mean of its neighbors.
    assert float(shake(shaken)) == pytest.approx(100 * 4 / 96, rel=0.1)


def test_a_steady_pan_does_not_shake(pan):
    assert float(shake(pan)) < 0.05
    assert float(swimming(pan)) < 0.1


def test_shake_is_not_swimming(still):
    shaken = np.stack([shifted(f, 0, 1.5 * (-1) ** t) for t, f in enumerate(still)])
    assert float(swimming(shaken)) < 0.1 * float(shake(shaken))


def test_swimming_is_not_shake(still):
    y, x = np.mgrid[:96, :96].astype(np.float32)
    frames = []
    for t, frame in enumerate(still):
        wave = 1.5 * (-1) ** t * np.sin(2 * np.pi * x / 32).astype(np.float32)
        frames.append(cv2.remap(frame, x, y + wave, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT))
    frames = np.stack(frames)
    assert float(swimming(frames)) > 1
    assert float(shake(frames)) < 0.5 * float(swimming(frames))


def test_reversing_motion_has_the_greatest_acceleration(still):
    shaken = np.stack([shifted(f, 2 * (-1) ** t, 0) for t, f in enumerate(still)])
    assert float(acceleration(shaken)) == pytest.approx(2, abs=0.3)


def test_order(pan, still):
    shuffled = pan[np.random.default_rng(0).permutation(16)]
    noisy = still + np.random.default_rng(0).integers(0, 9, still.shape).astype(np.uint8)
    assert float(disorder(pan)) < 0.1
    assert float(disorder(pan[::-1])) < 0.1
    assert float(disorder(noisy)) < 0.2
    assert float(disorder(shuffled)) > 0.4


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), x=st.floats(-1, 1), y=st.floats(-1, 1))
def test_a_small_shift_is_no_distance_and_another_picture_is(seed, x, y):
    generator = np.random.default_rng(seed)
    a, b = (cv2.GaussianBlur(generator.random((32, 48)), (0, 0), 2) for _ in range(2))
    moved = shifted(a, x, y)
    plain = np.abs(moved - a)[1:-1, 1:-1].mean()
    assert unshifted_distance(a[None], moved[None])[0] < 0.4 * plain + 1e-3
    assert unshifted_distance(a[None], b[None])[0] > 0.6 * np.abs(b - a).mean()
    assert unshifted_distance(np.zeros((1, 8, 8)), np.ones((1, 8, 8)))[0] == 1


def test_direction_of_a_pan_and_of_a_shake(pan, still):
    shaken = np.stack([shifted(f, 2 * (-1) ** t, 0) for t, f in enumerate(still)])
    assert float(continuity(pan)) > 0.9
    assert float(continuity(shaken)) < -0.8
    assert float(continuity(still)) == 0


def test_a_pan_can_be_followed_and_shuffled_cuts_cannot(pan, make_pan):
    assert float(agreement(pan)) > 0.9
    mixed = np.stack([make_pan(num_frames=1, seed=s)[0] for s in range(8)])
    assert float(agreement(mixed)) < 0.5


@pytest.mark.parametrize("count", [1, 2])
def test_frames_too_few_to_be_out_of_order_are_in_order(pan, count):
    assert float(disorder(pan[:count])) == 0


def test_white_noise_is_wholly_erratic_and_a_smooth_path_hardly():
    times = np.arange(400)
    white = np.diff(np.random.default_rng(0).standard_normal((402, 2)), 2, axis=0)
    smooth = np.diff(20 * np.sin(np.arange(402) / 8)[:, None] * [1, 0], 2, axis=0)
    known = np.ones(len(times), bool)
    for path, least, most in ((white, 0.75, 1.0), (smooth, 0.0, 0.01)):
        share = np.median(erratic(path, known)) / np.median(np.linalg.norm(path, axis=1))
        assert least <= share <= most


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_a_hand_that_sways_does_not_shake_at_any_frame_rate(make_pan, stride):
    wall = make_pan(pixels=1, num_frames=40)[0]
    wall = cv2.copyMakeBorder(wall, 16, 16, 16, 16, cv2.BORDER_REFLECT)
    times = np.arange(0, 48, stride)
    swaying = np.stack([shifted(wall, 4 * np.sin(t / 9), 3 * np.cos(t / 11)) for t in times])
    assert float(shake(swaying)) < 0.35
