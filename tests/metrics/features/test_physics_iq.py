import cv2
import numpy as np
import pytest

from kinema.metrics.features.physics_iq import iou, physics_iq, quarters


def moving(places, size=(96, 128), side=24):
    """A bright square at given places of a gray picture."""
    frames = np.full((len(places), *size, 3), 60, np.uint8)
    for frame, (y, x) in zip(frames, places, strict=True):
        frame[y : y + side, x : x + side] = 220
    return frames


RIGHT = moving([(40, 4 + 8 * t) for t in range(10)])
DOWN = moving([(2 + 7 * t, 60) for t in range(10)])


def test_a_clip_is_its_own_best_copy():
    found = physics_iq(RIGHT, RIGHT, 24)
    assert (found.spatial_iou, found.spatiotemporal_iou, found.weighted_spatial_iou) == (1, 1, 1)
    assert found.mse == 0


def test_motion_in_another_place_is_not_the_same():
    found = physics_iq(RIGHT, DOWN, 24)
    assert 0 < found.spatial_iou < 0.4
    assert found.spatiotemporal_iou < 0.4 and found.mse > 0.01


def test_motion_at_another_time_is_in_the_same_places():
    late = np.concatenate([np.repeat(RIGHT[:1], 5, 0), RIGHT])
    found = physics_iq(late, np.concatenate([RIGHT, np.repeat(RIGHT[-1:], 5, 0)]), 24)
    assert found.spatial_iou > 0.9 > 0.5 > found.spatiotemporal_iou


def test_where_nothing_moves_nothing_differs_but_the_pixels():
    found = physics_iq(
        np.full((4, 32, 32, 3), 100, np.uint8), np.full((4, 32, 32, 3), 151, np.uint8), 8
    )
    assert (found.spatial_iou, found.spatiotemporal_iou, found.weighted_spatial_iou) == (1, 1, 1)
    assert found.mse == pytest.approx(0.04)


def test_only_the_first_five_seconds_count():
    other = RIGHT.copy()
    other[5:] = 0
    assert physics_iq(other, RIGHT, fps=1).mse == 0
    assert physics_iq(other, RIGHT, fps=2).mse > 0


def test_masks_are_those_of_the_published_steps():
    """Each step restated: a running mean of blurred gray, a threshold, opening and closing."""
    mean, kernel = None, np.ones((5, 5), np.uint8)
    for frame, (mask, small) in zip(DOWN, quarters(DOWN), strict=True):
        gray = cv2.GaussianBlur(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (5, 5), 0).astype(float)
        mean = gray if mean is None else 0.7 * mean + 0.3 * gray
        moved = (np.abs(gray - mean.round()) > 10).astype(np.uint8) * 255
        moved = cv2.dilate(cv2.erode(moved, kernel), kernel)
        moved = cv2.erode(cv2.dilate(moved, kernel), kernel)
        assert np.array_equal(mask, cv2.resize(moved, (32, 24)) > 127)
        assert small.shape == (24, 32, 3) and small.max() <= 1


def test_weights_say_how_often_a_place_moves():
    often, seldom = np.array([[4.0, 0.0], [2.0, 1.0]]), np.array([[1.0, 0.0], [2.0, 3.0]])
    assert iou(often, seldom) == (1 + 2 + 1) / (4 + 2 + 3)
    assert iou(np.zeros(3), np.zeros(3)) == 1


def test_no_frame_is_an_error():
    with pytest.raises(ValueError, match="no frame"):
        physics_iq([], RIGHT, 24)
