import numpy as np
from PIL import Image

from kinema.clips import Clip, contact_sheet
from kinema.clips.sheet import GAP, film_strip


def test_strip_shows_first_and_last(frames):
    strip = film_strip(frames, columns=3, cell=48)
    assert strip.shape == (32, 3 * (48 + GAP), 3)
    assert np.array_equal(strip[:, :48], frames[0])
    assert np.array_equal(strip[:, 100:148], frames[8])


def test_a_short_clip_has_fewer_columns(frames):
    assert film_strip(frames[:2], columns=8, cell=48).shape[1] == 2 * (48 + GAP)


def test_rows_and_captions(tmp_path, frames):
    clips = [Clip(frames, 16, "a red square"), frames[:1]]
    path = contact_sheet(clips, tmp_path / "sheet.png", columns=4, cell=48)
    sheet = np.asarray(Image.open(path))
    assert sheet.shape[1] == 4 * (48 + GAP)
    bare = np.asarray(Image.open(contact_sheet(clips, path, ["", ""], columns=4, cell=48)))
    assert sheet.shape[0] == bare.shape[0] - GAP + 22  # one line of caption
    assert sheet[:20].min() < 100  # ink


def test_long_captions_wrap(tmp_path, frames):
    one = contact_sheet([frames], tmp_path / "a.png", ["red ball"])
    long = contact_sheet([frames], tmp_path / "b.png", ["red ball " * 60])
    (w1, h1), (w2, h2) = Image.open(one).size, Image.open(long).size
    assert w1 == w2 and h2 > h1 + 36
