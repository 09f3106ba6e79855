"""The probe on videos that are known: the true continuation itself, and one that changes color."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kinema import clips
from kinema.clips import Clip
from kinema.errors import UserError
from kinema.probes.drift import DriftProbe, measure_drift
from kinema.probes.drift.probe import FROZEN, TRUE
from kinema.probes.drift.report import (
    curve,
    drift_table,
    growth_table,
    joins_table,
    report_of,
)
from kinema.video import System
from kinema.worlds import Rendering, tabletop

SYSTEM = System(num_frames=9, size=(32, 32), fps=8.0, overlap=5)
JOINS = [9, 17]


class Codec:
    factors = (4, 8, 8)

    def latent_shape(self, num_frames, height, width):
        return (4, 1 + (num_frames - 1 + 3) // 4, height // 8, width // 8)


class Pipe(torch.nn.Linear):
    """Has weights, and is all of a pipeline that the probe looks at."""

    def __init__(self, weight=0.0, system=SYSTEM):
        super().__init__(1, 1)
        torch.nn.init.constant_(self.weight, weight)
        torch.nn.init.constant_(self.bias, 0)
        self.system, self.codec = system, Codec()


def perfect(pipe, caption, strategy, target, num_frames, num_steps, seed, continue_from, progress):
    """Goes on as the world does."""
    total = len(continue_from) + num_frames
    frames = tabletop.render([seed], Rendering(total, SYSTEM.size, 1, fps=SYSTEM.fps))[0].frames
    if strategy.__class__.__name__ == "Rolling":  # and this one turns green
        frames[len(continue_from) :, :, :, 1] = 255
    assert np.array_equal(frames[: len(continue_from)], continue_from.frames)
    settings = {
        "strategy": repr(strategy), "story": [[0, caption]], "first_seed": seed,
        "num_frames": num_frames, "num_steps": num_steps,
    }  # fmt: skip
    clips.write(Clip(frames, SYSTEM.fps, metadata={"joins": JOINS, "settings": settings}), target)


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    probe = DriftProbe(
        ("tiny",), ("sliding", "rolling"), num_frames=25, num_clips=2, num_given=5, every=8,
        folder=str(tmp_path_factory.mktemp("drift")),
    )  # fmt: skip
    return measure_drift(probe, lambda name: Pipe(), perfect)


def test_every_place_of_every_column(findings):
    assert findings.places == [0, 8, 16]
    assert list(findings.curves) == [TRUE, FROZEN, "tiny, sliding", "tiny, rolling"]
    for column in findings.curves:
        assert curve(findings, column, "identity").shape == (2, 3)


def test_the_true_continuation_is_its_own_floor(findings):
    assert findings.curves["tiny, sliding"] == findings.curves[TRUE]
    assert curve(findings, "tiny, sliding", "velocity error").max() == 0


def test_a_frozen_video_keeps_all_but_its_motion(findings):
    assert curve(findings, FROZEN, "motion")[:, -1].max() == 0
    assert curve(findings, TRUE, "motion").mean() > curve(findings, FROZEN, "motion").mean()


def test_another_color_shows(findings):
    for figure in ("identity", "color"):
        green, true = (curve(findings, c, figure)[:, -1] for c in ("tiny, rolling", TRUE))
        assert (green > true + 0.1).all()


def test_joins_are_measured_beside_the_true_ones(findings):
    true = findings.joins[f"{TRUE}, at the joins of tiny, sliding"]
    assert findings.joins["tiny, sliding"] == true
    assert [one.count for one in true] == [2, 2]


def never(*args, **options):
    raise AssertionError


def test_videos_that_are_there_are_not_made_again(findings):
    again = measure_drift(findings.probe, lambda name: Pipe(), never)
    assert again.curves == findings.curves


def test_videos_of_other_settings_are_told(findings):
    other = replace(findings.probe, num_steps=7)
    with pytest.raises(UserError, match="was made with num_steps 30, not 7: delete it"):
        measure_drift(other, lambda name: Pipe(), never)


@pytest.mark.parametrize(
    "world, pipe",
    [
        ("box", Pipe()),
        ("tabletop", Pipe(weight=1)),
        ("tabletop", Pipe(system=replace(SYSTEM, shift=3.0))),
    ],
)
def test_videos_of_another_world_or_model_are_others(findings, world, pipe):
    with pytest.raises(AssertionError):
        measure_drift(replace(findings.probe, world=world), lambda name: pipe, never)


def test_the_tables_and_the_page(findings, tmp_path):
    header, true, *_ = drift_table(findings)
    assert header[1].startswith("identity") and true[0] == TRUE
    assert growth_table(findings)[1][2] == "1.00"
    assert joins_table(findings)[1][-1] == "2"
    files = report_of(findings).write(tmp_path / "drift.md")
    assert "kinema probe drift --models '[tiny]' " in files[0].read_text()
    assert all(path.stat().st_size > 500 for path in files)
    assert [path.suffix for path in files] == [".md", ".json", ".png"]


@pytest.mark.parametrize(
    "options", [{"num_frames": 9}, {"every": 0}, {"world": "tabletop-5"}, {"num_clips": 0}]
)
def test_numbers_that_make_no_sense(options):
    with pytest.raises(UserError):
        DriftProbe(**options)


def test_a_video_of_another_length_is_told(findings):
    (target,) = Path(findings.probe.folder).glob("tiny-*-sliding-tabletop-0.mkv")
    clips.write(Clip(np.zeros((3, 32, 32, 3), np.uint8), 8.0), target)
    with pytest.raises(UserError, match="has 3 frames, not 25"):
        test_videos_that_are_there_are_not_made_again(findings)
