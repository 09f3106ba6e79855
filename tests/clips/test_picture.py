import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.clips import fit_frames
from kinema.clips.picture import cover, fit

sides = st.integers(1, 300)


@given(sides, sides, sides, sides)
def test_cover_covers_and_touches_one_side(h, w, height, width):
    tall, wide = cover((h, w), (height, width))
    assert tall >= height and wide >= width
    assert tall == height or wide == width


@pytest.mark.parametrize("size", [(16, 16), (10, 40), (64, 20), (32, 48)])
def test_fit_gives_the_size_asked(frames, size):
    assert fit_frames(frames, size).shape == (9, *size, 3)


def test_the_same_size_changes_nothing(frames):
    picture = av.VideoFrame.from_ndarray(frames[0], format="rgb24")
    assert np.array_equal(fit(picture, (32, 48)), frames[0])
    assert fit_frames(frames, (32, 48)) is frames


def test_crop_chooses_the_side():
    frame = np.zeros((16, 64, 3), np.uint8)
    frame[:, 32:] = 255
    picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
    assert fit(picture, (16, 16), crop=(0.5, 0.0)).max() == 0
    assert fit(picture, (16, 16), crop=(0.5, 1.0)).min() == 255
    assert 100 < fit(picture, (16, 16)).mean() < 155


def test_trim_takes_the_padding_off(frames):
    picture = av.VideoFrame.from_ndarray(frames[0], format="rgb24")
    assert np.array_equal(fit(picture, None, trim=(31, 47)), frames[0][:31, :47])


def test_shrinking_averages():
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = 200
    picture = av.VideoFrame.from_ndarray(stripes, format="rgb24")
    assert np.abs(fit(picture, (8, 8)).astype(int) - 100).max() <= 2
