import numpy as np
import pytest

from studies.ruler.clean_clips import MAKERS, SIZE, smooth_path, texture


@pytest.fixture(scope="module")
def picture():
    return texture(np.random.default_rng(1))


@pytest.mark.parametrize("name", MAKERS)
def test_a_clip_has_the_size_asked_for_and_moves(picture, name):
    frames = MAKERS[name](picture, 8, np.random.default_rng(2))
    assert frames.shape == (8, *SIZE, 3)
    assert frames.dtype == np.uint8
    assert not np.array_equal(frames[0], frames[-1])


def test_a_hand_sways_smoothly():
    path = smooth_path(200, 2, 4.0, np.random.default_rng(0))
    assert path.std() == pytest.approx(1, abs=0.4)
    assert np.abs(np.diff(path, axis=0)).max() < 0.8
