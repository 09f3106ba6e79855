"""Whole clips: the right solid in the right place, from the frames alone."""

import numpy as np
import pytest
import torch

from kinema.judges.synthesis import explain, figures
from kinema.judges.synthesis.explanation import carried, resized, spread
from kinema.judges.tabletop import true_answers
from kinema.worlds import Rendering
from kinema.worlds.tabletop import render_scene, sample_scene


@pytest.fixture(scope="module")
def scene():
    return next(
        scene
        for scene in (sample_scene(seed, 1, "all") for seed in range(100))
        if scene.attributes.subject.shape == "cone" and scene.attributes.direction == "left"
    )


@pytest.fixture(scope="module")
def explained(scene):
    clip = render_scene(scene, Rendering(5, 64, 1, "all", fps=2))
    return clip.frames, explain(clip.frames, 2.0)


def test_a_render_is_explained_by_its_own_scene(scene, explained):
    frames, found = explained
    (solid,) = found.guess.solids
    looks = scene.attributes.subject
    assert (solid.shape, solid.color) == (looks.shape, looks.color)
    assert min(found.losses[0], key=found.losses[0].get) == looks.shape
    error = solid.centers.numpy() - scene.poses(np.arange(5) / 2)[0][0]
    assert np.median(np.linalg.norm(error, axis=1)) < 0.3


def test_the_figures_of_a_render_are_those_of_a_good_fit(scene, explained):
    frames, found = explained
    one = figures(frames, found)
    true = true_answers(scene.attributes)
    assert one.read == {question: true[question] for question in one.read}
    assert one.psnr > 27 and one.silhouettes > 0.8 and one.objects == 1
    assert one.contact is None and one.came_back is None and one.size_kept < 0.1


def test_an_empty_stage_has_nothing_on_it():
    frames = np.full((3, 64, 64, 3), 140, np.uint8)
    one = figures(frames, explain(frames))
    assert one.objects == 0 and np.isnan(one.silhouettes) and one.read["shape"] == "none"


def test_changes_are_carried_over_to_the_frames_between():
    poses = torch.arange(20.0).view(5, 4)
    part = poses[[0, 2, 4]] + torch.tensor([[0.0], [2.0], [4.0]])
    result = carried(poses, part, np.array([0, 2, 4]))
    assert torch.allclose(result, poses + torch.arange(5.0)[:, None])


def test_parts_hold_first_and_last_and_each_frame_once():
    assert spread(33, 9).tolist() == [0, 4, 8, 12, 16, 20, 24, 28, 32]
    assert spread(3, 9).tolist() == [0, 1, 2] and spread(1, 9).tolist() == [0]
    assert resized(torch.rand(2, 64, 96, 3), 32).shape == (2, 32, 48, 3)
