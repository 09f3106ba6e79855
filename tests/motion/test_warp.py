import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kinema.motion import confirmed, fetch, warp
from kinema.motion.warp import leads_back


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


@given(step=st.tuples(*[st.floats(-9, 9)] * 2), off=st.tuples(*[st.floats(-2, 2)] * 2))
def test_a_step_leads_back_whichever_way_one_looks(step, off):
    step = np.array(step)
    returned = -step + np.array(off)
    assert leads_back(step, -step)
    assert leads_back(step, returned) == leads_back(returned, step)
    assert not leads_back(step, step + np.array([3.0, 3.0]) * np.sign(step + 1e-9))


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


def test_tensors_are_read_as_arrays_are():
    rng = np.random.default_rng(0)
    image = rng.uniform(size=(12, 17, 3)).astype(np.float32)
    flow = rng.integers(-96, 96, size=(12, 17, 2)).astype(np.float32) / 32  # OpenCV's own steps
    expected, inside = warp(image, flow)
    fetched, valid = fetch(torch.from_numpy(image).permute(2, 0, 1)[None],
                           torch.from_numpy(flow)[None])  # fmt: skip
    np.testing.assert_allclose(fetched[0].permute(1, 2, 0), expected, atol=1e-4)
    np.testing.assert_array_equal(valid[0], inside)


def test_a_still_flow_changes_nothing_and_gradients_come_through():
    image = torch.rand(2, 1, 5, 4, requires_grad=True)
    fetched, valid = fetch(image, torch.zeros(2, 5, 4, 2))
    torch.testing.assert_close(fetched, image)
    fetched.sum().backward()
    assert valid.all() and torch.allclose(image.grad, torch.ones_like(image), atol=1e-5)


def test_a_picture_of_one_pixel():
    fetched, valid = fetch(torch.ones(1, 2, 1, 1), torch.zeros(1, 1, 1, 2))
    assert fetched.flatten().tolist() == [1, 1] and valid.all()
