import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kinema.motion.tensors import to_frames, to_tensor

shapes = st.tuples(*[st.integers(1, 4)] * 3).map(lambda s: (*s, 3))


@given(hnp.arrays(np.uint8, shapes), st.sampled_from(["c f h w", "f c h w"]))
def test_there_and_back_is_exact(frames, layout):
    x = to_tensor(frames, layout)
    assert x.dtype == torch.float32
    assert x.min() >= -1 and x.max() <= 1
    assert np.array_equal(to_frames(x, layout), frames)


def test_layouts():
    frames = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 6, 3)).astype(np.uint8)
    assert to_tensor(frames).shape == (2, 3, 5, 4, 6)
    assert to_tensor(frames, "f c h w").shape == (2, 5, 3, 4, 6)
    assert torch.equal(to_tensor(frames).transpose(1, 2), to_tensor(frames, "f c h w"))


def test_black_is_minus_one_and_white_is_one():
    x = to_tensor(np.array([0, 255], np.uint8).reshape(2, 1, 1, 1).repeat(3, -1))
    assert x[0].flatten().tolist() == [-1, 1]


def test_values_outside_are_clipped():
    x = torch.tensor([-3.0, 3.0, 0.0]).reshape(3, 1, 1, 1)
    assert to_frames(x).flatten().tolist() == [0, 255, 128]


def test_floats_are_no_frames():
    with pytest.raises(AssertionError, match="float32"):
        to_tensor(np.zeros((1, 2, 2, 3), np.float32))
