import numpy as np
import pytest

from kinema import clips
from studies.ruler.files import ENCODERS, scaled, write_video

SUFFIX = {"libvpx-vp9": "webm", "libsvtav1": "mkv", "mpeg4": "avi"}


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_keeps_the_picture(pan, tmp_path, encoder):
    frames = pan(5, size=96)
    path = tmp_path / f"clip.{SUFFIX.get(encoder, 'mp4')}"
    write_video(frames, path, 12, encoder)
    read = np.stack(list(clips.stream(path)))
    assert read.shape == frames.shape
    assert np.abs(read.astype(int) - frames).mean() < 25


def test_scaling_changes_the_size_only(pan):
    assert scaled(pan(3), 0.75).shape == (3, 36, 36, 3)
