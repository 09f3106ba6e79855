import pickle

import numpy as np
import pytest

from kinema.errors import UserError
from kinema.metrics.evidence import (
    Evidence,
    Score,
    observe,
    of_frames,
    resized,
    shrink,
    trimmed_mean,
    true_runs,
)
from kinema.motion import Flow


def test_large_frames_are_shrunk_and_small_ones_left_alone(pan):
    big = np.zeros((2, 540, 960, 3), np.uint8)
    assert observe(big).frames.shape == (2, 256, 455, 3)
    assert observe(big).native_size == (540, 960)
    np.testing.assert_array_equal(observe(pan).frames, pan)


def test_evidence_of_evidence_is_itself(pan):
    evidence = observe(pan)
    assert observe(evidence) is evidence


def test_frames_may_come_one_by_one(pan):
    np.testing.assert_array_equal(observe(iter(pan)).detail, observe(pan).detail)


def test_the_speed_of_a_pan_is_its_speed(pan):
    np.testing.assert_allclose(observe(pan).speed, 1, atol=0.25)


def test_steady_motion_has_no_surprise_and_no_acceleration(pan):
    evidence = observe(pan)
    inside = (slice(None), slice(8, -8), slice(8, -8))
    assert np.abs(evidence.surprise[inside]).mean() < 1
    assert np.abs(evidence.acceleration[inside]).mean() < 0.05


def test_exact_flow_is_used_as_given(pan):
    forward = np.full((15, 96, 96, 2), (-1, 0), np.float32)
    evidence = observe(pan, flow=Flow(forward, -forward))
    assert np.abs(evidence.surprise[:, :, 2:-2]).max() == 0


def test_held_frames_are_found(pan):
    repeated = pan[[0, 1, 2, 3, 4, 4, 5, 6, 7, 8]]
    assert np.flatnonzero(observe(repeated).held).tolist() == [4]


def test_a_single_frame_has_no_motion():
    evidence = observe(np.zeros((1, 32, 32, 3), np.uint8))
    assert isinstance(evidence, Evidence)
    assert evidence.speed.shape == (0,)
    assert evidence.shots == [range(1)]


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((0, 8, 8, 3), np.uint8),
        np.zeros((2, 8, 8, 3), np.float32),
        np.zeros((2, 8, 8, 4), np.uint8),
        [np.zeros((8, 8, 3), np.uint8), np.zeros((9, 8, 3), np.uint8)],
    ],
)
def test_what_cannot_be_measured_is_refused(frames):
    with pytest.raises(UserError):
        observe(frames)


def test_the_trimmed_mean_forgets_one_event():
    assert trimmed_mean(np.array([1.0] * 9 + [100.0])) == 1
    assert trimmed_mean(np.full(4, np.nan)) == 0


def test_a_score_keeps_its_curve_and_is_no_number():
    score = Score(np.float32(2.0), [1, 3], 0.5)
    assert (type(score.value), float(score), score.error) == (float, 2.0, 0.5)
    assert score.curve.dtype == np.float64 and score.curve.tolist() == [1, 3]
    for wrong in (lambda: score + 1, lambda: score > 1, lambda: np.isnan(score)):
        with pytest.raises(TypeError):  # a sum would lose the curve and the error
            wrong()


def test_a_score_travels_between_processes():
    back = pickle.loads(pickle.dumps(Score(2.0, np.array([1.0, np.nan]), 0.5)))
    assert (back.value, back.error) == (2.0, 0.5)
    np.testing.assert_array_equal(back.curve, [1.0, np.nan])


def test_a_metric_of_evidence_takes_frames_as_well(pan):
    @of_frames
    def length(evidence):
        """Count the frames."""
        assert isinstance(evidence, Evidence)
        return Score(len(evidence), evidence.detail)

    assert length(pan).value == length(observe(pan)).value == len(pan)
    assert (length.__name__, length.__doc__) == ("length", "Count the frames.")


def test_runs_of_true_values():
    assert true_runs(np.array([1, 0, 0, 1, 1], bool)) == [(0, 1), (3, 5)]
    assert true_runs(np.zeros(3, bool)) == true_runs(np.zeros(0, bool)) == []


def test_only_what_is_larger_is_shrunk():
    frame = np.zeros((60, 90, 3), np.uint8)
    assert shrink(frame, 60) is frame and shrink(frame, 30).shape == (30, 45, 3)
    assert resized(frame, 120).shape == (120, 180, 3) and resized(frame[:, :3], 1).shape[1] == 1


def test_a_curve_is_stretched_over_the_frames_of_a_clip():
    score = Score(2.0, np.array([1.0, 3.0])).stretched(3, 5)
    assert score.value == 2.0 and score.curve.tolist() == [1, 1, 1, 3, 3]
