import numpy as np
import pytest

from kinema.metrics import motion_magnitude
from kinema.motion import Flow


def test_mean_and_top_of_a_known_flow():
    forward = np.zeros((2, 10, 10, 2), np.float32)
    forward[:, 0, :5] = (3, 4)  # five of a hundred pixels move by 5
    motion = motion_magnitude(np.zeros((3, 10, 10, 3), np.uint8), Flow(forward, -forward))
    assert motion.mean == pytest.approx(0.25)
    assert motion.top == pytest.approx(5)


def test_one_frame_does_not_move():
    motion = motion_magnitude(np.zeros((1, 32, 32, 3), np.uint8))
    assert (motion.mean, motion.top) == (0, 0)
