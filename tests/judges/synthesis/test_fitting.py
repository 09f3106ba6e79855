"""The fit walks back to the truth from beside it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kinema.judges.synthesis.fitting import Target, habits, improve, robust, turned
from kinema.judges.synthesis.solids import HEIGHT, TURN, picture

TIMES = np.arange(5) / 4


def target_of(guess, size=32):
    known = torch.ones(len(guess.solids), len(TIMES), dtype=torch.bool)
    return Target(picture(guess, TIMES, (size, size)), TIMES, known)


def find(true_guess, shape, action="slides"):
    for seed in range(500):
        scene, guess = true_guess(seed, 1, TIMES)
        if (scene.attributes.subject.shape, scene.attributes.action) == (shape, action):
            return guess
    raise AssertionError(f"no {shape} that {action}")


@pytest.mark.parametrize("shape, action", [("ball", "rolls"), ("cone", "slides")])
def test_a_displaced_solid_comes_back(true_guess, shape, action):
    guess = find(true_guess, shape, action)
    target, solid = target_of(guess, 64), guess.solids[0]
    assert target.loss(guess) == 0
    shift = torch.tensor([0.10, -0.15, 0.0, 0.0])
    beside = guess.replaced(
        0, replace(solid, poses=solid.poses + shift, radius=solid.radius + 0.04)
    )
    found, loss = improve(target, beside, [0], 6)
    assert loss < 0.5 * target.loss(beside)
    error = (found.solids[0].centers - solid.centers).norm(dim=1)
    assert error.max() < 0.2 and abs(found.solids[0].radius - solid.radius) < 0.05


def test_no_step_makes_it_worse_and_the_truth_is_kept(true_guess):
    guess = find(true_guess, "cube")
    target = target_of(guess)
    same, loss = improve(target, guess, [0], 2)
    assert loss < 1e-5  # not 0: a path that bends less may be a better explanation by a hair
    assert (same.solids[0].poses - guess.solids[0].poses).abs().max() < 0.01


def test_frames_in_which_it_is_not_known_do_not_pull(true_guess):
    guess = find(true_guess, "ball", "rolls")
    target = target_of(guess)
    target.known[0, 2] = False
    target.frames[2] = 0.5
    solid = guess.solids[0]
    beside = guess.replaced(0, replace(solid, poses=solid.poses + torch.tensor([0.08, 0, 0, 0])))
    found, _ = improve(target, beside, [0], 4)
    error = (found.solids[0].poses - solid.poses)[:, 0].abs()
    assert error.max() < 0.05


def test_a_cube_is_turned_to_its_angle_and_a_ball_is_left(true_guess):
    guess = find(true_guess, "cube")
    target, solid = target_of(guess), guess.solids[0]
    poses = solid.poses.clone()
    poses[:, TURN] += 0.6
    found = turned(target, guess.replaced(0, replace(solid, poses=poses)), 0, tries=12)
    apart = (found.solids[0].poses - solid.poses)[:, TURN]
    apart = (apart + solid.period / 2) % solid.period - solid.period / 2
    assert apart.abs().max() < 0.14
    ball = find(true_guess, "ball", "rolls")
    assert turned(target_of(ball), ball, 0) is ball


def test_habits_cost_nothing_on_a_straight_path_over_the_table(true_guess):
    solid = find(true_guess, "ball", "rolls").solids[0]
    steps = torch.arange(5.0)[:, None]
    straight = replace(solid, poses=steps * torch.tensor([0.2, 0.1, 0.0, 0.3]))
    bend, height, stiff, resting = habits(straight, 4.0)
    assert bend.abs().max() < 1e-6 and (height == 0).all()
    assert (stiff > 0).all() and (resting > 0).all()
    high = habits(replace(solid, poses=straight.poses + torch.eye(4)[HEIGHT]), 4.0)
    assert (high[3] < resting).all()


def test_large_errors_count_less_than_their_square():
    small, large = robust(torch.tensor([0.01, 1.0]))
    assert large < 1e4 * small / 10 and robust(torch.tensor(0.0)) == 0
