"""The probe on a pipeline that renders its prompts, and on files."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kinema import clips
from kinema.probes.explain import ExplainProbe, measure_explain, report_of
from kinema.probes.explain.probe import CODEC, FILES, GENERATED, TRUE, named_answers
from kinema.probes.explain.report import SHOWN
from kinema.worlds import Rendering, tabletop

PROBE = ExplainProbe(num_clips=2, level=1)


class Exact:
    """A codec that loses nothing."""

    def encode(self, frames):
        return frames

    def decode(self, latents, num_frames, size):
        return latents


class Painter:
    """A pipeline that renders the very scene of its prompt."""

    system = SimpleNamespace(num_frames=3, size=(32, 32), fps=4.0)
    codec, device = Exact(), torch.device("cpu")

    def __call__(self, prompts, seed, **options):
        rendering = Rendering(3, 32, 1, "held_out", 4.0)
        made = [tabletop.render([one], rendering)[0] for one in seed]
        assert [clip.caption for clip in made] == list(prompts)
        return SimpleNamespace(frames=np.stack([clip.frames for clip in made]))


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Balls alone are tried: what the fit is worth is tested beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kinema.judges.synthesis.explanation.SOLIDS", (("ball", False),))
        patch.setattr("kinema.judges.synthesis.explanation.FINE", 32)
        patch.setattr("kinema.probes.explain.probe.FILE_LENGTH", 3)
        yield


@pytest.fixture(scope="module")
def found():
    return measure_explain(PROBE, Painter())


def test_a_model_that_renders_is_explained_as_true_renders_are(found):
    assert list(found.columns) == [GENERATED, CODEC, TRUE]
    made, true = found.columns[GENERATED], found.columns[TRUE]
    assert [one.figures for one in made] == [one.figures for one in true]
    assert all(one.figures.psnr > 12 for one in made)
    assert [one.render.shape for one in made] == [(3, 32, 32, 3)] * 2


def test_the_report_has_every_column_and_the_record_every_clip(found):
    report = report_of(found)
    asked, left, *pictures = report.parts
    assert [row[0] for row in asked.rows[1:]][-1] == "all together"
    assert len(asked.rows[0]) == len(left.rows[0]) == 4
    assert all(picture.draw().startswith(b"\x89PNG") for picture in pictures)
    assert [len(column) for column in report.record["columns"].values()] == [2, 2, 2]
    assert 1 <= SHOWN <= 24


def test_files_are_explained_by_their_captions(tmp_path):
    clip = tabletop.render([1], Rendering(3, 32, 1, "held_out", 4.0))[0]
    clips.write(clips.Clip(clip.frames, 4.0, clip.caption), tmp_path / "one.mkv")
    probe = ExplainProbe(files=(str(tmp_path),), num_clips=2)
    found = measure_explain(probe)
    (one,) = found.columns[FILES]
    assert one.name == "one.mkv" and one.asked["shape"] and len(found.columns[TRUE]) == 2


def test_captions_ask_for_what_they_name_alone():
    assert named_answers("") == {}
    asked = named_answers("a red ball rolls to the right")
    assert asked == {
        "color": "red", "shape": "ball", "action": "rolls", "direction": "right",
        "second_color": "none", "second_shape": "none", "second_action": "none",
        "second_direction": "none",
    }  # fmt: skip
    asked = named_answers("a red ball rolls into a blue cube")
    assert asked["second_shape"] == "cube" and "second_action" not in asked
