"""Scenes of the world as guesses, exact or displaced."""

import numpy as np
import pytest
import torch

from kinema.judges.synthesis.solids import Guess, Solid
from kinema.worlds.tabletop import sample_scene
from kinema.worlds.tabletop.attributes import SIZES
from kinema.worlds.tabletop.scene import Arrangement


def solid_of(body, times):
    centers, _ = body.poses(times)
    turn = body.turn.at(times)[0] + (body.heading + np.pi / 2 if body.lying else 0.0)
    height = centers[:, 2] - body.rest_height
    poses = torch.from_numpy(np.column_stack([centers[:, :2], height, turn])).float()
    looks = (body.shape, body.color, body.material, body.lying)
    return Solid(*looks, SIZES[body.size], poses, body.pattern)


def true_guess(seed, level, times, split="all"):
    scene = sample_scene(seed, level, split)
    stage = Arrangement([], scene.camera, scene.stage)
    return scene, Guess(stage, [solid_of(body, times) for body in scene.bodies])


@pytest.fixture(name="true_guess")
def true_guess_fixture():
    """Gives a scene by seed, level and times, and the guess that is exactly right."""
    return true_guess
