"""Every world keeps what `World`, `WorldClip` and `Truth` say, and its pixels, for ever."""

import hashlib
import json

import numpy as np
import pytest

from kinema.worlds import WORLDS, Rendering, Truth

FRAMES, HEIGHT, WIDTH = 3, 16, 24
# SHA-256 of frames, caption and attributes of the seeds 3 and 1000. A change breaks what users
# have trained on: draw a new world under a new name instead.
RECORDED = {
    "tabletop 1 train": ("4d74c6a359c05617", "95321de7bc6ae69d"),
    "tabletop 2 held_out": ("ac381ba34cd53400", "58040f7f03bee0ab"),
    "tabletop 3 all": ("33c76019ffd7ce71", "31a1342058e18d74"),
    "tabletop 4 train": ("8dbbf806b04ede7c", "9f91d03a79241402"),
    "discs 1 edges": ("615e0050d8d8009f", "5dd12aacd908a04e"),
    "discs 2 held_out": ("6c0fe10dccdfef46", "2d2d9964eca316d0"),
    "discs 3 swift": ("47fd3050d27d7dcd", "545bfa8b06c5fbb0"),
    "discs 4 all": ("bc3208c95e5f9325", "1849e2cb70662e78"),
    "discs 5 train": ("1c68c8abb3e73f1e", "a0f99edc98560460"),
    "discs 6 train": ("d85067fb81f14708", "2cc838dcbae6aa4e"),
    "gaussian 1 all": ("06eb724274c266ea", "cd2fc6a6133b772e"),
    "gaussian 2 all": ("2cecea988a077bce", "e00d6c7587377d0c"),
}


@pytest.fixture(scope="module", params=WORLDS)
def clip(request):
    rendering = Rendering(FRAMES, (HEIGHT, WIDTH), fps=8, truth=True)
    return WORLDS[request.param].render([5], rendering)[0]


@pytest.mark.parametrize("case", RECORDED)
def test_a_seed_gives_the_same_clip_for_ever(case):
    world, level, split = case.split()
    rendering = Rendering(7, 32, int(level), split, fps=8.0)
    clips = WORLDS[world].render([3, 1000], rendering)
    assert tuple(map(digest, clips)) == RECORDED[case]


def digest(clip):
    said = clip.caption + json.dumps(clip.attributes)
    return hashlib.sha256(clip.frames.tobytes() + said.encode()).hexdigest()[:16]


def test_worlds_name_their_levels_splits_and_rate():
    for world in WORLDS.values():
        assert world.LEVELS[0] == 1 and world.SPLITS[0] == "train" and world.FPS > 0
        assert world.render([0], Rendering(1, 8))[0].fps == world.FPS


@pytest.mark.parametrize("name, count", [("tabletop", 4), ("discs", 6), ("gaussian", 4)])
def test_every_level_and_split_can_be_rendered(name, count):
    world = WORLDS[name]
    assert list(world.LEVELS) == list(range(1, count + 1))
    for level in world.LEVELS:
        for split in world.SPLITS:
            (clip,) = world.render([1], Rendering(1, 8, level, split))
            assert clip.frames.shape == (1, 8, 8, 3) and clip.attributes["level"] == level


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
