"""The stage of a clip is found by rendering what stands still."""

import numpy as np
import pytest
import torch

from kinema.judges.synthesis.stage import empty, fit_stage, misfit
from kinema.worlds import Rendering
from kinema.worlds.tabletop import render_scene, sample_scene
from kinema.worlds.tabletop.scene import Arrangement

TIMES = np.arange(5) / 2


def frames_of(seed, level, size):
    scene = sample_scene(seed, level, "all")
    clip = render_scene(scene, Rendering(5, size, level, "all", fps=2))
    return scene, torch.from_numpy(clip.frames).float() / 255


@pytest.mark.parametrize("seed, level", [(0, 1), (4, 3), (7, 3), (9, 4)])
def test_table_backdrop_and_camera_are_found(seed, level):
    scene, frames = frames_of(seed, level, 32)
    found = fit_stage(frames, frames, TIMES)
    for name in ("table", "backdrop", "kind"):
        assert getattr(found.stage, name) == getattr(scene.stage, name)
    assert found.camera.move == scene.camera.move
    assert found.camera.pitch == pytest.approx(scene.camera.pitch, abs=0.02)
    assert found.camera.amount == pytest.approx(scene.camera.amount, abs=0.03)


def test_the_true_stage_fits_best_and_what_moves_is_cut_off():
    scene, frames = frames_of(0, 1, 32)
    true = Arrangement([], scene.camera, scene.stage)
    bare = empty(true, TIMES, (32, 32)).expand(5, -1, -1, -1)
    assert misfit(true, bare, TIMES) == 0
    assert 0 < misfit(true, frames, TIMES) < 0.12 * ((frames - bare).abs() > 0.02).float().mean()


def test_a_still_camera_has_one_empty_frame_and_a_moving_one_has_all():
    for seed, level in ((0, 1), (4, 3)):
        scene, _ = frames_of(seed, level, 8)
        stage = Arrangement([], scene.camera, scene.stage)
        moves = scene.camera.move != "still"
        assert len(empty(stage, TIMES, (8, 8))) == (5 if moves else 1)
