"""What is read of true segments and of false ones; a whole run on the box, of random weights."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import kinema
from kinema.codecs import Pixels
from kinema.conditions import NoText
from kinema.denoisers import DiT, DiTConfig
from kinema.errors import UserError
from kinema.probes.drift import DriftProbe, measure_drift, report_of, run
from kinema.probes.drift.probe import FROZEN, TRUE
from kinema.probes.drift.report import curve, drift_table, joins_table
from kinema.probes.drift.worlds import WORLDS, Box, Tabletop
from kinema.probes.unseen import FIRST_SEED
from kinema.video import System, VideoPipeline
from kinema.worlds import Rendering, discs

SYSTEM = System(
    codec="pixels", text="none", prediction="x0", num_frames=20, size=(32, 32), fps=10.0,
    num_steps=1, guidance_scale=1.0, overlap=3,
)  # fmt: skip
TINY = DiTConfig(channels=3, dim=32, depth=1, num_heads=2, patch=(1, 8, 8), text_dim=0)


@pytest.fixture(scope="module")
def box():
    return Box(level=5).scene(FIRST_SEED, 100, SYSTEM)


def test_of_the_true_box_nothing_is_lost(box):
    assert box.caption == "a red disc bounces off the walls of a box"
    for start in (0, 37, 80):
        found = box.read(box.frames[start : start + 20], start)
        assert found["whole"] == 1
        assert found["radius error"] < 0.05 and found["speed error"] < 0.05


def test_a_frozen_a_faded_and_an_empty_box(box):
    scene = discs.sample_scene(FIRST_SEED, level=5)
    speed, radius = np.linalg.norm(scene.velocities), scene.radii[0]
    frozen = box.read(box.frames[40:41].repeat(20, 0), 40)
    assert frozen["whole"] == 1
    assert frozen["speed error"] == pytest.approx(speed, rel=0.1)
    blank = np.full_like(box.frames[:20], 255)
    assert box.read(blank, 0)["whole"] == 0
    assert box.read(blank, 0)["radius error"] == pytest.approx(radius)
    faded = box.frames[:20].copy()
    faded[10:] = 255 - (255 - faded[10:]) // 2
    assert box.read(faded, 0)["whole"] == 0.5


def test_a_disc_of_another_size_is_not_the_disc(box):
    scene = discs.sample_scene(FIRST_SEED, level=5)
    for factor, share in ((1.1, 1), (1.4, 0), (0.6, 0)):
        other = discs.DiscScene("box", factor * scene.radii, scene.positions, scene.velocities)
        frames = discs.render_scene(other, Rendering(20, (32, 32), 5, fps=10.0)).frames
        assert box.read(frames, 0)["whole"] == share


def test_the_judge_reads_the_true_tabletop():
    system = System(num_frames=9, size=(64, 64), fps=8.0)
    scene = Tabletop(level=1).scene(FIRST_SEED, 9, system)
    assert set(scene.read(scene.frames, 0)) == set(Tabletop.titles)
    assert 0 <= scene.read(scene.frames, 0)["judge"] <= 1


def test_the_figures_of_a_world_are_its_titles(box):
    assert set(box.read(box.frames[:5], 0)) == set(WORLDS["box"][0].titles)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A system of pixels, 16 of them and 8 frames, without text."""
    torch.manual_seed(0)
    system = System(
        prediction="x0", num_frames=8, size=(16, 16), fps=10.0, num_steps=1, guidance_scale=1.0,
        overlap=3,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("model") / "box"
    VideoPipeline(DiT(TINY), Pixels(), NoText(), system).save_pretrained(folder)
    return str(folder)


def test_made_videos_are_measured_in_the_box(saved, tmp_path):
    names = ("sliding", "blend")
    probe = DriftProbe(
        (saved,), names, num_frames=60, num_clips=2, world="box", folder=str(tmp_path), every=40
    )
    found = measure_drift(probe)
    assert list(found.curves) == [TRUE, FROZEN, *(f"{saved}, {name}" for name in names)]
    assert found.places == [0, 40]
    assert curve(found, TRUE, "whole").min() == 1
    assert curve(found, TRUE, "speed error").max() < 0.2  # read off 16 pixels
    assert curve(found, FROZEN, "whole").min() == 1  # and yet it does not move
    assert curve(found, FROZEN, "speed error")[:, 1:].min() > 0.5
    made = curve(found, f"{saved}, sliding", "whole")
    assert made.shape == (2, 2) and made[:, 1:].max() == 0
    header, *rows = drift_table(found)
    assert "whole @40" in header and len(rows) == len(found.curves)
    assert joins_table(found)[1][-1] != "0"
    page, figures, plot = report_of(found).write(tmp_path / "drift.md")
    assert "closed box" in page.read_text() and "--world" in page.read_text()
    assert plot.stat().st_size > 1000
    assert set(json.loads(figures.read_text())["curves"]) == set(found.curves)


def test_the_command_goes_through_the_box(saved, tmp_path, capsys):
    probe = DriftProbe([saved], ["sliding"], 30, 1, "box", folder=str(tmp_path))
    run(probe).show()
    assert "radius error @" in capsys.readouterr().out.replace("\n", " ")
    (made,) = tmp_path.glob("box-*-sliding-box-0.mkv")
    with pytest.raises(UserError, match=f"{made.name} was made with num_steps 1, not 2"):
        run(replace(probe, num_steps=2))


def test_models_of_one_name_have_files_of_their_own(saved, tmp_path):
    other, folder = tmp_path / "box", tmp_path / "made"
    VideoPipeline(DiT(TINY), Pixels(), NoText(), kinema.load(saved).system).save_pretrained(other)
    models = (saved, str(other))
    measure_drift(DriftProbe(models, ("sliding",), 12, 1, "box", folder=str(folder)))
    assert len(list(folder.glob("box-*-sliding-box-0.mkv"))) == 2


def test_a_world_that_is_not_there():
    with pytest.raises(UserError, match="choose one of box, tabletop"):
        DriftProbe(world="moon")
