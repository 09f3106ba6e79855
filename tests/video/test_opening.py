import numpy as np
import pytest
from PIL import Image

from kinema import clips
from kinema.clips import Clip
from kinema.errors import UserError
from kinema.video.opening import clip_frames, first_frame

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
    assert clip_frames(path, 16, (20, 30)).shape == (4, 20, 30, 3)
    assert clip_frames(clip, 16, (20, 30)).shape == (8, 20, 30, 3)
    assert clip_frames(clip, 16, (16, 16)).shape == (8, 16, 16, 3)
