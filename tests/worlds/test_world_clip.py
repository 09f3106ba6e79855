"""Every world keeps what `WorldClip` and `Truth` say of their shapes and types."""

import numpy as np
import pytest

from kinema.worlds import WORLDS, Truth

FRAMES, HEIGHT, WIDTH = 3, 16, 24


@pytest.fixture(scope="module", params=WORLDS)
def clip(request):
    return WORLDS[request.param].render([5], FRAMES, (HEIGHT, WIDTH), fps=8, truth=True)[0]


def test_frames_are_bytes_and_the_caption_says_something(clip):
    assert clip.frames.dtype == np.uint8 and clip.frames.shape == (FRAMES, HEIGHT, WIDTH, 3)
    assert clip.fps == 8 and len(clip.caption.split()) > 2 and clip.attributes


def test_truth_has_the_shapes_and_types_that_it_says(clip):
    flow = ((FRAMES - 1, HEIGHT, WIDTH, 2), np.float32)
    pixels = (FRAMES, HEIGHT, WIDTH)
    said = {
        "flow_forward": flow,
        "flow_backward": flow,
        "depth": (pixels, np.float32),
        "masks": (pixels, np.uint8),
    }
    for name, shape_and_type in said.items():
        array = getattr(clip.truth, name)
        if array is not None:
            assert (array.shape, array.dtype) == shape_and_type, name
    for event in clip.truth.events:
        assert {"kind", "frame", "objects"} <= set(event) and 0 <= event["frame"] < FRAMES


def test_two_truths_share_nothing():
    first, second = Truth(), Truth()
    first.tracks["pixels"] = np.zeros(1)
    first.events.append({})
    assert second.tracks == {} and second.events == []
