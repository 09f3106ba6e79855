"""Scenes are found by their truth, and true frames and false ones are told apart."""

from dataclasses import replace

import numpy as np
import pytest

from kinema.probes.occlusion.worlds import Curtain, Outcome, Tabletop
from kinema.probes.unseen import FIRST_SEED
from kinema.video import System
from kinema.worlds import Rendering, discs, tabletop

SYSTEM = System(num_frames=32, size=(32, 32), fps=10.0, overlap=24)


def test_on_the_tabletop_the_subject_is_hidden_for_about_so_long():
    system = System(num_frames=17, size=(64, 64), fps=16.0, overlap=5)
    scenes = Tabletop().scenes(8, 2, system)
    assert len(scenes) == 2
    for scene in scenes:
        assert 5 <= scene.stop - scene.start <= 11 and scene.start >= 5
        assert len(scene.frames) == scene.stop + 17
        assert (scene.last, scene.again) == (scene.start - 1, scene.stop)
        truth = tabletop.render([scene.seed], Rendering(scene.stop + 1, 64, 2, truth=True))[0].truth
        visible = truth.tracks["visible"][0]
        assert (visible[scene.start + 1 : scene.stop - 1] < 0.6).all() and visible[0] > 0.5
        assert isinstance(scene.read(scene.true).survived, bool)
        assert not scene.read(np.zeros_like(scene.true)).survived


@pytest.mark.parametrize("length", [8, 16, 32])
def test_a_disc_crosses_out_of_sight_for_about_so_long(length):
    scenes = Curtain().scenes(length, 6, SYSTEM)
    assert len(scenes) == 6
    for hidden in scenes:
        scene = discs.sample_scene(hidden.seed, level=6)
        (centers,) = scene.motion(np.arange(len(hidden.frames)) / 10)[0]
        visible = scene.visible(centers[None])[0]
        again = hidden.start + int(np.argmax(visible[hidden.start :] > 0))
        assert abs(again - hidden.start - length) <= length / 8
        assert hidden.again == again and visible[hidden.last] == 1
        assert visible[hidden.last + 1 : again].max() < 1 and hidden.gap > again - hidden.start
        assert visible[hidden.start - 1] > 0 and visible[hidden.start] == 0
        assert visible[hidden.stop] == 1 and visible[again : hidden.stop].max() < 1
        entry = int(np.flatnonzero(visible[: hidden.start] == 1)[-1]) + 1
        assert (visible[entry - 8 : entry] == 1).all()
        x = centers[:, 0] - np.mean(scene.curtain)
        assert x[hidden.start - 1] * x[hidden.stop] < 0
        assert str(hidden.seed - FIRST_SEED) in hidden.label and scene.color in hidden.caption


@pytest.fixture(scope="module")
def hidden():
    return Curtain().scenes(8, 1, SYSTEM)[0]


def test_the_true_disc_survives_and_a_held_frame_does_not(hidden):
    outcome = hidden.read(hidden.true)
    assert outcome.survived and outcome.late == 0 and outcome.off < 0.03
    assert hidden.read(hidden.held) == Outcome(False)


@pytest.mark.parametrize("change, survived", [(1.1, True), (1.4, False), (0.7, False)])
def test_a_disc_of_another_size_is_not_the_disc(hidden, change, survived):
    scene = discs.sample_scene(hidden.seed, level=6)
    # Behind the same curtain a larger disc is whole later, and so a plain picture is drawn
    other = replace(scene, radii=change * scene.radii)
    (centers,) = scene.motion(np.arange(len(hidden.frames)) / 10)[0]
    share = discs.coverage(centers[None], other.radii, (32, 32))
    frames = discs.painted(share, other.inks, scene.curtain)
    assert hidden.read(frames[hidden.start :]).survived == survived


def test_a_disc_of_another_color_or_too_late_does_not_survive(hidden):
    assert not hidden.read(hidden.true[..., ::-1]).survived
    late = np.concatenate([hidden.true[:1].repeat(9, 0), hidden.true[:-9]])
    outcome = hidden.read(late)
    assert not outcome.survived and outcome.late == 9 and outcome.off is None
