import warnings

import numpy as np
import pytest
from PIL import Image

from kinema import clips
from kinema.clips import Clip
from kinema.errors import Notice, UserError
from kinema.video.opening import clip_frames, first_frame, open_with, warn_of_cut
from kinema.video.request import Request

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
