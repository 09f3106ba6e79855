from types import SimpleNamespace

import pytest
import torch

from kinema.codecs import Pixels
from kinema.errors import Notice
from kinema.training.tasks.own_clips import codec_ceiling, expectation


@pytest.mark.parametrize(
    ("files", "said"),
    [(12, "12 clip files. So few are learned by heart"), (100, "look and the typical motion"),
     (10_000, "10,000 clip files. Subjects and motions can be put together anew")],
)  # fmt: skip
def test_what_to_expect_depends_on_how_many_clips_there_are(files, said):
    assert said in expectation(files)


class Grey(Pixels):
    """A codec that keeps the first value alone."""

    def encode(self, frames):
        return super().encode(frames) * 0


class Noise:
    """Clips of noise."""

    clips = range(3)

    def make(self, indices):
        frames = torch.randint(0, 256, (len(indices), 5, 16, 16, 3), dtype=torch.uint8)
        return {"frames": frames}, [""] * len(indices)


def test_a_codec_that_keeps_everything_is_told_without_a_warning(caplog, recwarn):
    caplog.set_level("INFO", "kinema")
    assert codec_ceiling(Pixels(), Noise(), "pixels") > 60
    assert "The codec pixels keeps the clips at" in caplog.text and not recwarn


def test_a_codec_that_blurs_is_warned_of():
    with pytest.warns(Notice, match=r"The codec grey blurs these clips \(\d+\.\d dB"):
        assert codec_ceiling(Grey(), Noise(), "grey") < 15


def test_the_clips_are_those_of_the_folder():
    asked = []
    source = SimpleNamespace(
        clips=range(2), make=lambda indices: asked.append(indices) or Noise().make(indices)
    )
    codec_ceiling(Pixels(), source, "pixels")
    assert asked == [[0, 1]]
