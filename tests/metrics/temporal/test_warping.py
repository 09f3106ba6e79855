import cv2
import numpy as np
import pytest

from kinema.errors import UserError
from kinema.metrics import (
    motion_magnitude,
    textbook_warping_error,
    warping_error,
)
from kinema.motion import DIS, Farneback, Flow

SIZE = (64, 80)


def texture(seed, size=SIZE):
    image = np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.float32)
    return np.clip((cv2.GaussianBlur(image, (0, 0), 2) - 128) * 4 + 128, 0, 255).astype(np.uint8)


def textured_square(num_frames=4, step=3):
    """A textured square moves over a textured ground; with the exact flow both ways."""
    ground, square = texture(0), texture(1, (24, 24))
    frames = np.repeat(ground[None], num_frames, axis=0)
    forward = np.zeros((num_frames - 1, *SIZE, 2), np.float32)
    backward = np.zeros_like(forward)
    for t in range(num_frames):
        x = 10 + step * t
        frames[t, 20:44, x : x + 24] = square
        if t < num_frames - 1:
            forward[t, 20:44, x : x + 24, 0] = step
            backward[t, 20:44, x + step : x + step + 24, 0] = -step
    return frames, Flow(forward, backward)


def test_exact_flow_leaves_only_what_was_covered_and_uncovered():
    frames, flow = textured_square()
    result = warping_error(frames, flow)
    strips = 24 * 3 / (SIZE[0] * SIZE[1])  # per direction: three columns have no match
    assert result.coverage == pytest.approx(1 - strips)
    assert 0 < result.value < strips * 255
    assert result.value < result.unwarped / 3
    assert result.explained == pytest.approx(1 - (result.value + 1) / (result.unwarped + 1))


def test_the_fallback_is_the_plain_difference():
    frames, _ = textured_square(num_frames=2)
    everything_leaves = np.full((1, *SIZE, 2), 1e4, np.float32)
    result = warping_error(frames, Flow(everything_leaves, everything_leaves))
    assert result.coverage == 0
    assert result.value == pytest.approx(result.unwarped)
    assert result.explained == pytest.approx(0)


def test_a_whole_translation_is_explained_entirely():
    picture = texture(2, (64, 120))
    frames = np.stack([picture[:, 4 * t : 4 * t + 80] for t in range(5)])
    still = np.zeros((4, 64, 80, 2), np.float32)
    flow = Flow(still + np.float32([-4, 0]), still + np.float32([4, 0]))
    result = warping_error(frames, flow)
    assert result.coverage == pytest.approx(76 / 80)
    forth = np.abs(frames[:-1, :, :4] - frames[1:, :, :4].astype(int)).mean()  # leaves at the left
    back = np.abs(frames[1:, :, -4:] - frames[:-1, :, -4:].astype(int)).mean()
    assert result.value == pytest.approx((forth + back) / 2 * 4 / 80)


@pytest.mark.parametrize("method", [DIS(), DIS(short_side=None), Farneback()])
def test_estimated_flow_explains_a_moving_square(method):
    frames, _ = textured_square()
    result = warping_error(frames, method=method)
    assert result.value < 0.75 * result.unwarped
    assert result.explained > 0


def test_the_textbook_formula_is_worse_than_no_warp():
    frames, _ = textured_square()
    corrected = warping_error(frames, method=Farneback())
    assert corrected.value < corrected.unwarped < textbook_warping_error(frames)


def test_jumping_is_worse_than_moving():
    frames, _ = textured_square(num_frames=6, step=2)
    order = [0, 3, 1, 5, 2, 4]
    assert warping_error(frames[order]).value > 2 * warping_error(frames).value


def test_a_frozen_clip_scores_zero_and_so_does_its_motion():
    frames = np.repeat(texture(3)[None], 3, axis=0)
    result, motion = warping_error(frames), motion_magnitude(frames)
    assert result.value == pytest.approx(0, abs=1e-3)
    assert result.unwarped == 0
    assert motion.mean == pytest.approx(0, abs=1e-3)


def test_time_reversal_does_not_change_the_score():
    frames, _ = textured_square()
    forth, back = warping_error(frames), warping_error(frames[::-1])
    assert forth.value == pytest.approx(back.value, rel=1e-6)


def test_the_unwarped_difference_of_known_steps():
    frames = np.zeros((3, 16, 16, 3), np.uint8)
    frames[1], frames[2] = 10, 40
    assert warping_error(frames).unwarped == pytest.approx(20)


@pytest.mark.parametrize("metric", [warping_error, textbook_warping_error])
def test_one_frame_is_refused(metric):
    with pytest.raises(UserError, match="at least two frames"):
        metric(texture(0)[None])
