import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kinema.clips import read_image
from kinema.clips.images import flatten
from kinema.errors import UserError


def test_png_comes_back_exactly(tmp_path, frames):
    Image.fromarray(frames[0]).save(tmp_path / "x.png")
    assert np.array_equal(read_image(tmp_path / "x.png"), frames[0])


def test_grey_and_palette_become_rgb(tmp_path):
    Image.new("L", (5, 4), 77).save(tmp_path / "grey.png")
    Image.new("P", (5, 4)).save(tmp_path / "palette.gif")
    assert (read_image(tmp_path / "grey.png") == 77).all()
    assert read_image(tmp_path / "palette.gif").shape == (4, 5, 3)


def test_exif_orientation_is_applied(tmp_path, frames):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right to be upright
    Image.fromarray(frames[0]).save(tmp_path / "x.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "x.png"), np.rot90(frames[0], -1))


def test_transparency_lies_over_white():
    rgba = np.array([[[200, 0, 0, 255], [200, 0, 0, 0], [0, 0, 0, 128]]], np.uint8)
    assert flatten(rgba).tolist() == [[[200, 0, 0], [255, 255, 255], [127, 127, 127]]]


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n broken"])
def test_what_is_no_picture_is_named(tmp_path, content):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(UserError, match="x.png"):
        read_image(path)


def test_half_a_picture_is_named(tmp_path, frames):
    path = tmp_path / "x.jpg"
    Image.fromarray(frames[0]).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=r"x\.jpg is not a picture"):
        read_image(path)


@pytest.mark.parametrize("mode", ["1", "I;16", "CMYK", "LA", "RGBA"])
def test_every_kind_of_picture_becomes_rgb(tmp_path, mode):
    path = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    Image.new(mode, (5, 4)).save(path)
    assert read_image(path).shape == (4, 5, 3)


def test_transparency_of_a_palette_lies_over_white(tmp_path):
    Image.new("P", (5, 4)).save(tmp_path / "x.gif", transparency=0)
    assert (read_image(tmp_path / "x.gif") == 255).all()


def test_a_large_picture_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    Image.new("L", (6001, 6000)).save(tmp_path / "x.png")
    with pytest.raises(UserError, match=r"6001 x 6000 pixels.*36 million.*KINEMA_MAX_PIXELS"):
        read_image(tmp_path / "x.png")
    monkeypatch.setenv("KINEMA_MAX_PIXELS", "1e8")
    assert read_image(tmp_path / "x.png").shape == (6000, 6001, 3)


@given(st.integers(0, 2**32), st.sampled_from(["png", "jpg", "webp", "gif", "tiff"]))
def test_a_damaged_picture_is_read_or_refused(tmp_path_factory, seed, suffix):
    path = tmp_path_factory.getbasetemp() / f"x.{suffix}"
    rng = np.random.default_rng(seed)
    Image.fromarray(rng.integers(0, 256, (9, 8, 3), np.uint8)).save(path)
    data = bytearray(path.read_bytes())
    for _ in range(rng.integers(1, 6)):
        data[rng.integers(len(data))] = rng.integers(256)
    path.write_bytes(data)
    try:
        assert read_image(path).dtype == np.uint8
    except UserError as error:
        assert str(path) in str(error) and "\n" not in str(error)
