import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.motion import confirmed, warp


def constant_flow(x, y, size=(16, 20)):
    return np.full((*size, 2), (x, y), np.float32)


@given(x=st.integers(-5, 5), y=st.integers(-5, 5))
def test_warp_fetches_from_where_the_flow_points(x, y):
    image = np.random.default_rng(0).integers(0, 256, (16, 20, 3), dtype=np.uint8)
    warped, valid = warp(image, constant_flow(x, y))
    rows, columns = np.indices((16, 20))
    inside = (rows + y >= 0) & (rows + y < 16) & (columns + x >= 0) & (columns + x < 20)
    np.testing.assert_array_equal(valid, inside)
    np.testing.assert_array_equal(warped[inside], image[(rows + y)[inside], (columns + x)[inside]])


@given(x=st.integers(-64, 64), y=st.integers(-64, 64))
def test_warp_is_exact_on_a_linear_ramp(x, y):
    rows, columns = np.indices((16, 20)).astype(np.float32)
    flow = constant_flow(x / 32, y / 32)
    warped, valid = warp(3 * columns + 5 * rows, flow)
    expected = 3 * (columns + x / 32) + 5 * (rows + y / 32)
    np.testing.assert_allclose(warped[valid], expected[valid], atol=1e-4)


def test_opposite_flows_confirm_each_other():
    mask = confirmed(constant_flow(3, 0), constant_flow(-3, 0))
    assert mask[:, :17].all()
    assert not mask[:, 17:].any(), "these three columns leave the picture"


@pytest.mark.parametrize("gap, accepted", [(0.70, True), (0.72, False)])
def test_threshold_is_that_of_lai_et_al(gap, accepted):
    # Still forward, `gap` backward: gap^2 <= 0.01 gap^2 + 0.5 holds up to gap = 0.7107.
    mask = confirmed(constant_flow(0, 0), constant_flow(gap, 0))
    assert mask.all() == accepted


def test_what_a_moving_square_covers_is_occluded():
    # A square at columns 4-8 moves 4 to the right over a still background.
    forward, backward = constant_flow(0, 0), constant_flow(0, 0)
    forward[4:10, 4:8] = (4, 0)
    backward[4:10, 8:12] = (-4, 0)
    mask = confirmed(forward, backward)
    assert mask[4:10, 4:8].all(), "the square itself is seen in both frames"
    assert not mask[4:10, 8:12].any(), "the background it moves onto is covered"
    assert mask.sum() == mask.size - 6 * 4
