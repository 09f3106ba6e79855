"""Pictures: deterministic, independent of company, of any size, and lit as described."""

import cv2
import numpy as np
import pytest
import torch

from kinema.worlds import Rendering
from kinema.worlds.tabletop import render, sample_scene
from kinema.worlds.tabletop.attributes import COLORS


@pytest.mark.parametrize("level", [1, 2, 4])
def test_a_seed_gives_the_same_clip_in_any_company(level):
    alone = render([7], Rendering(5, 32, level))[0]
    among = render([3, 7, 1], Rendering(5, 32, level, truth=True))[1]
    assert (alone.frames == among.frames).all() and alone.caption == among.caption
    assert alone.truth is None


@pytest.mark.parametrize("size", [8, (24, 40), (40, 24), 96])
@pytest.mark.parametrize("num_frames", [1, 3])
def test_any_size_and_length(size, num_frames):
    height, width = (size, size) if isinstance(size, int) else size
    clip = render([2], Rendering(num_frames, size, level=4, truth=True))[0]
    assert clip.frames.shape == (num_frames, height, width, 3)
    assert clip.frames.dtype == np.uint8 and clip.frames.std() > 5
    assert clip.truth.flow_forward.shape == (num_frames - 1, height, width, 2)
    assert clip.truth.flow_backward.shape == clip.truth.flow_forward.shape


def test_long_clips_start_like_short_ones():
    short, long = render([4], Rendering(3, 32))[0], render([4], Rendering(40, 32))[0]
    assert np.abs(long.frames[:3].astype(int) - short.frames).max() <= 1


def test_frame_rate_samples_the_same_motion():
    slow, fast = render([4], Rendering(3, 32, fps=8))[0], render([4], Rendering(5, 32, fps=16))[0]
    assert np.abs(fast.frames[::2].astype(int) - slow.frames).max() <= 1


def test_large_pictures_average_to_small_ones():
    """Anti-aliasing: a small frame is near the mean of a large one over its pixels."""
    small = render([9], Rendering(1, 32, level=2))[0].frames.astype(float)
    large = render([9], Rendering(1, 128, level=2))[0].frames.astype(float)
    pooled = large.reshape(1, 32, 4, 32, 4, 3).mean((2, 4))
    assert np.abs(pooled - small).mean() < 2.0


def test_the_subject_has_its_color():
    for seed in range(12):
        clip = render([seed], Rendering(1, 64, level=2, truth=True))[0]
        shown = clip.frames[clip.truth.masks == 1].astype(float) / 255
        wanted = np.array(COLORS[clip.attributes["subject"]["color"]])
        if len(shown) < 20:
            continue  # mostly out of view in the first frame, or hidden
        names, table = list(COLORS), np.array(list(COLORS.values()))
        hue = shown.mean(0) / shown.mean(0).max()
        nearest = names[np.linalg.norm(table / table.max(1, keepdims=True) - hue, axis=1).argmin()]
        assert COLORS[nearest] == tuple(wanted)


def test_a_falling_body_casts_a_shadow_below_itself():
    every = ((seed, sample_scene(seed, 1).attributes) for seed in range(400))
    falls = (s for s, a in every if a.action == "falls" and a.scene.table == "white")
    clip = render([next(falls)], Rendering(17, 64, truth=True))[0]
    near_body = [cv2.dilate(clip.truth.masks[i], np.ones((3, 3))) > 0 for i in (0, -1)]
    brightness = clip.frames.astype(int).sum(-1)
    dark = (brightness[0] < brightness[-1] - 60) & ~near_body[0] & ~near_body[1]
    feet = np.flatnonzero((clip.truth.masks[-1] == 1).any(1)).max()
    rows, columns = np.nonzero(dark)
    assert dark.sum() > 10 and abs(rows.mean() - feet) < 10
    assert columns.mean() > clip.truth.tracks["pixels"][0, 0, 0]  # the light comes from the left


def test_no_line_at_the_horizon():
    """A camera that zooms sees above the horizon at its widest: the wall there is smooth."""
    every = ((seed, sample_scene(seed, 3).attributes) for seed in range(200))
    wide = [s for s, a in every if a.camera == "zooms in" and a.action == "rolls"]
    for clip in render(wide[:6], Rendering(1, 64, level=3)):
        rows = clip.frames[0, :12].astype(int).mean((1, 2))
        assert np.abs(np.diff(rows, n=2)).max() < 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_pictures():
    there, here = (
        render([1], Rendering(5, 64, 4, device="cuda"))[0],
        render([1], Rendering(5, 64, 4))[0],
    )
    difference = np.abs(there.frames.astype(int) - here.frames)
    assert difference.mean() < 0.05
