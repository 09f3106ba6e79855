import numpy as np
import pytest
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
