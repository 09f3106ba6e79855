import numpy as np
import pytest

from kinema.clips import Clip


def test_size_and_length(frames):
    clip = Clip(frames, 12.5)
    assert clip.size == (32, 48)
    assert len(clip) == 9
    assert clip.seconds == pytest.approx(9 / 12.5)


@pytest.mark.parametrize(
    ("frames", "fps", "said"),
    [
        (np.zeros((2, 4, 4, 3)), 16, "float64"),
        ([[0]], 16, "list"),
        (np.zeros((4, 4, 3), np.uint8), 16, r"\(4, 4, 3\)"),
        (np.zeros((2, 4, 4, 4), np.uint8), 16, r"\(2, 4, 4, 4\)"),
        (np.zeros((0, 4, 4, 3), np.uint8), 16, r"\(0, 4, 4, 3\)"),
        (np.zeros((2, 4, 4, 3), np.uint8), 0, "positive"),
        (np.zeros((2, 4, 4, 3), np.uint8), float("nan"), "positive"),
    ],
)
def test_what_is_no_clip_is_refused(frames, fps, said):
    with pytest.raises(ValueError, match=said):
        Clip(frames, fps)
