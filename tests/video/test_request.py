import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.clips import Clip
from kinema.errors import Notice, UserError
from kinema.video import Request, System
from kinema.video.request import possible_size, settle

sides = st.integers(1, 600)


@given(sides, sides, st.sampled_from([1, 8, 16]), st.integers(16, 256))
def test_possible_sizes_are_the_nearest(height, width, step, max_size):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Notice)
        made = possible_size((height, width), (step, step), max_size)
    offered = range(step, max(max_size // step, 1) * step + 1, step)
    for side, wanted in zip(made, (height, width), strict=True):
        assert side in offered
        assert abs(side - wanted) == min(abs(other - wanted) for other in offered)


def test_a_possible_size_is_kept_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert possible_size((64, 96), (8, 8), 256) == (64, 96)


@pytest.mark.parametrize("size", [(0, 8), (8,), (8, 8, 8), (-8, 8)])
def test_what_is_no_size(size):
    with pytest.raises(UserError, match="height and a width"):
        possible_size(size, (8, 8), 256)


def test_defaults_of_the_system():
    system = System(num_frames=17, size=(32, 48), fps=12, num_steps=7, guidance_scale=3)
    settings = settle(Request("x"), system, (8, 8))
    assert (settings.num_frames, settings.size, settings.fps) == (17, (32, 48), 12)
    assert (settings.num_steps, settings.guidance_scale) == (7, 3)
    settings = settle(Request("x", size=24, num_frames=1, guidance_scale=0.0), system, (8, 8))
    assert (settings.size, settings.num_frames, settings.guidance_scale) == ((24, 24), 1, 0)


def test_a_continuation_takes_the_size_of_its_clip():
    clip = Clip(np.zeros((3, 40, 24, 3), np.uint8), 16)
    settings = settle(Request("x", continue_from=clip), System(num_frames=33, overlap=9), (8, 8))
    assert (settings.size, settings.num_frames) == ((40, 24), 24)


def test_prompts_and_seeds():
    request = Request(["a", "b"], num_videos=2, seed=5)
    assert request.prompts(System()) == ["a", "a", "b", "b"]
    assert request.seeds(4) == [5, 6, 7, 8]
    assert Request("a", seed=[3]).seeds(1) == [3]
    with pytest.raises(UserError, match="4 videos need 4 seeds or one, not 2"):
        Request("a", seed=[1, 2]).seeds(4)


def test_unknown_options_are_refused_with_the_nearest():
    with pytest.raises(UserError, match="'guidence_scale'.*'guidance_scale'"):
        Request.of("x", {"guidence_scale": 2})


@pytest.mark.parametrize("name", ["num_frames", "num_steps", "num_videos", "fps", "batch_size"])
@pytest.mark.parametrize("value", [0, -1])
def test_counts_are_positive(name, value):
    with pytest.raises(UserError, match=f"{name} is {value}"):
        Request("x", **{name: value})


def test_an_image_or_a_clip():
    with pytest.raises(UserError, match="not both"):
        Request("x", image="a.png", continue_from="b.mp4")


def test_sources_are_recorded():
    assert Request("x", image="a.png").sources() == {"image": "a.png"}
    assert Request("x", image=np.zeros((2, 2, 3), np.uint8)).sources() == {}
