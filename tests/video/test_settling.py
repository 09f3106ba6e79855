import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kinema import clips
from kinema.clips import Clip
from kinema.codecs import Pixels
from kinema.conditions import NoText
from kinema.denoisers import DiTConfig, make_denoiser
from kinema.errors import Notice, UserError
from kinema.sampling.rollout import Autoregressive, Rolling, Sliding, Whole
from kinema.video import Request, System, VideoPipeline, settle
from kinema.video.settling import (
    clip_frames,
    first_frame,
    open_with,
    possible_size,
    warn_of_cut,
)
from kinema.video.system import Parts

PROMPT = "a red ball rolls"


def parts(system: System):
    """A system of pixels in steps of 8, with a denoiser that is never asked."""
    codec = Pixels()
    codec.factors = (1, 8, 8)
    return Parts(make_denoiser(DiTConfig(3, 32, 1, 2, text_dim=0)), codec, NoText(), system, "x")


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
    with pytest.raises(UserError, match="size (takes|is)"):
        Request("", size=size)


def test_defaults_of_the_system():
    system = System(num_frames=17, size=(32, 48), fps=12, num_steps=7, guidance_scale=3)
    settings = settle(Request(""), parts(system))
    assert (settings.num_frames, settings.size, settings.fps) == (17, (32, 48), 12)
    assert (settings.num_steps, settings.guidance_scale) == (7, 3)
    request = Request("", size=24, num_frames=1, guidance_scale=0.0)
    with pytest.warns(Notice, match="trained at 32x48 pixels: at 24x24 expect objects"):
        settings = settle(request, parts(system))
    assert (settings.size, settings.num_frames, settings.guidance_scale) == ((24, 24), 1, 0)


def test_a_continuation_takes_the_size_of_its_clip():
    clip = Clip(np.zeros((3, 40, 24, 3), np.uint8), 16)
    with pytest.warns(Notice, match="trained at 64x64"):
        settings = settle(Request("", continue_from=clip), parts(System(overlap=9)))
    assert (settings.size, settings.num_frames) == ((40, 24), 24)


def test_height_and_width_in_the_place_of_a_size():
    system = System(size=(32, 48), max_size=64)
    with pytest.warns(Notice, match="trained at 32x48"):
        assert settle(Request("", height=40), parts(system)).size == (40, 48)
        assert settle(Request("", width=64, height=64), parts(system)).size == (64, 64)
    for options in ({"size": 10**4}, {"height": 72}, {"size": (8, 65)}):
        with pytest.raises(UserError, match="at most 64 pixels a side, not"):
            settle(Request("", **options), parts(system))


def test_a_size_that_was_trained_is_made_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        settle(Request("", size=(32, 48)), parts(System(size=(32, 48))))


@pytest.mark.filterwarnings("ignore:This model was trained at")
def test_a_large_clip_is_brought_to_what_can_be_made():
    clip = Clip(np.zeros((3, 80, 40, 3), np.uint8), 16)
    with pytest.warns(Notice, match="cannot make 80x40 pixels; it makes 64x40"):
        assert settle(Request("", video=clip), parts(System(max_size=64))).size == (64, 40)


def test_one_window_where_it_is_long_enough_and_a_sliding_one_beyond(pipe):
    assert settle(Request(PROMPT), pipe).strategy == Whole()
    assert settle(Request(PROMPT, num_frames=9), pipe).strategy == Whole()
    assert settle(Request(PROMPT, num_frames=10), pipe).strategy == Sliding(3, 2)
    assert settle(Request(PROMPT, strategy="rolling"), pipe).strategy == Rolling(3, history=2)
    asked = Autoregressive(2, context=1)
    assert settle(Request(PROMPT, strategy=asked), pipe).strategy == asked


def test_a_prompt_that_no_window_hears_is_told(pipe):
    story = f"0: {PROMPT}; 7: a blue cube"
    with pytest.warns(Notice, match="begins at frame 0, so the prompt of frame 7 has no effect"):
        settle(Request(story), pipe)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        settle(Request(story, num_frames=17), pipe)
        settle(Request(story, strategy="rolling"), pipe)


def test_of_a_video_that_is_made_anew_length_and_size_are_kept(pipe):
    clip = Clip(np.zeros((7, 16, 24, 3), np.uint8), 16)
    generation = settle(Request(PROMPT, video=clip), pipe)
    assert (generation.num_frames, generation.size, generation.strength) == (7, (16, 24), 0.6)
    assert generation.source.shape == (1, 4, 3, 2, 3)
    assert settle(Request(PROMPT, video=clip, num_frames=5), pipe).num_frames == 5
    with pytest.raises(UserError, match="has 7 frames at 16 fps, fewer than the 8"):
        settle(Request(PROMPT, video=clip, num_frames=8), pipe)


def test_a_worse_system_must_denoise_the_same_latents(pipe, textless, tmp_path):
    textless.save_pretrained(tmp_path)
    with pytest.raises(UserError, match="another codec or path than tiny"):
        settle(Request(PROMPT, guidance=f"autoguidance:model={tmp_path}"), pipe)


def test_a_worse_system_is_read(pipe, saved):
    worse = settle(Request(PROMPT, guidance=f"autoguidance:model={saved}"), pipe).worse
    assert isinstance(worse.denoiser, type(pipe.denoiser)) and worse.name == str(saved)
    assert not any(weight.requires_grad for weight in worse.denoiser.parameters())
    assert isinstance(pipe, VideoPipeline)


PICTURE = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)


def test_a_picture_from_a_file_an_array_or_pil(tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "x.png")
    for image in (tmp_path / "x.png", str(tmp_path / "x.png"), PICTURE, Image.fromarray(PICTURE)):
        assert np.array_equal(first_frame(image, (20, 30)), PICTURE[None])
    assert first_frame(PICTURE, (16, 16)).shape == (1, 16, 16, 3)


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 4), (1, 20, 30, 3)])
def test_what_is_no_picture(shape):
    with pytest.raises(UserError, match="uint8"):
        first_frame(np.zeros(shape, np.uint8), (16, 16))
    with pytest.raises(UserError, match="float64"):
        first_frame(np.zeros((20, 30, 3)), (16, 16))


def test_a_clip_from_a_file_is_brought_to_the_rate(tmp_path):
    clip = Clip(np.repeat(PICTURE[None], 8, 0), 32)
    path = clips.write(clip, tmp_path / "x.mkv")
    for source, size, expected in (
        (path, (20, 30), (4, 20, 30, 3)),
        (clip, (20, 30), (8, 20, 30, 3)),
        (clip, (16, 16), (8, 16, 16, 3)),
    ):
        assert np.stack(list(clip_frames(source, 16, size))).shape == expected


@pytest.mark.parametrize("is_file", [True, False])
def test_of_a_long_clip_its_end_is_held_and_the_rest_streamed(tmp_path, monkeypatch, is_file):
    frames = np.arange(40, dtype=np.uint8)[:, None, None, None] + PICTURE
    clip = Clip(frames, 16)
    source = clips.write(clip, tmp_path / "x.mkv") if is_file else clip
    monkeypatch.setattr(clips, "read", lambda *_, **__: pytest.fail("read into memory whole"))
    request = Request("", continue_from=source)
    opening = open_with(request, (20, 30), fps=16, most=5)
    assert np.array_equal(opening.given, frames[-5:])
    assert (opening.num_kept, opening.source) == (40, None)
    for _ in range(2):  # as often as it is asked
        assert np.array_equal(np.stack(list(opening.kept())), frames)


def test_a_clip_without_frames(monkeypatch):
    monkeypatch.setattr(clips, "stream", lambda *_, **__: iter([]))
    request = Request("", continue_from="x.mkv")
    with pytest.raises(UserError, match="x.mkv holds no frame"):
        open_with(request, (20, 30), fps=16, most=5)


def test_a_cut_away_from_the_picture_is_told_with_its_figure():
    frames = np.full((8, 20, 30, 3), 40, np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_cut(frames)
        warn_of_cut(frames[:1])
    frames[1:] = 200
    with pytest.warns(Notice, match=r"at frame 1 \(change 53 of 255, 255.0 times"):
        warn_of_cut(frames)
