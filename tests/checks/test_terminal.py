import pytest

from kinema.checks.terminal import spans


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([], ""),
        ([4], "4"),
        ([1, 2, 3, 7], "1-3, 7"),
        (list(range(0, 20, 2)), "0, 2, 4, 6, 8, 10, ..."),
    ],
)
def test_frames_as_ranges(frames, words):
    assert spans(frames) == words
