"""The right guess makes the very picture of the world; shared numbers stay within the world."""

import numpy as np
import pytest
import torch

from kinema.judges.synthesis.solids import outlines, picture
from kinema.worlds import Rendering
from kinema.worlds.tabletop import render_scene

TIMES = np.arange(3) / 4


@pytest.mark.parametrize("seed, level", [(0, 1), (3, 1), (1, 2), (5, 2), (2, 3)])
def test_the_true_poses_make_the_true_picture(true_guess, seed, level):
    scene, guess = true_guess(seed, level, TIMES)
    clip = render_scene(scene, Rendering(3, 32, level, "all", fps=4, truth=True))
    shown = picture(guess, TIMES, (32, 32)) * 255
    assert np.abs(shown.numpy() - clip.frames).mean() < 0.1
    assert (outlines(guess, TIMES, (32, 32)).numpy() == clip.truth.masks).mean() > 0.995


def test_a_turn_by_the_period_changes_nothing(true_guess):
    seeds = (seed for seed in range(200) if true_guess(seed, 1, TIMES)[1].solids[0].is_turned)
    for seed in [next(seeds) for _ in range(4)]:
        _, guess = true_guess(seed, 1, TIMES)
        solid = guess.solids[0]
        before = picture(guess, TIMES, (32, 32))
        solid.poses[:, 3] += solid.period
        assert (picture(guess, TIMES, (32, 32)) - before).abs().mean() < 2e-3


def test_nudges_move_one_number_and_stop_at_the_ends_of_the_world(true_guess):
    _, guess = true_guess(3, 2, TIMES)
    names = guess.shared(range(len(guess.solids)), staging=True)
    for name in names:
        there = guess.nudged([name], torch.tensor([guess.step(name)]))
        assert there.value(name) == pytest.approx(guess.value(name) + guess.step(name), abs=1e-6)
        others = [one for one in names if one != name]
        assert all(there.value(one) == pytest.approx(guess.value(one)) for one in others)
    far = guess
    for _ in range(20):
        far = far.nudged([("pitch", -1)], torch.tensor([1.0]))
    assert far.value(("pitch", -1)) == 0.47


def test_oddness_is_the_sum_of_squares_that_its_normal_equations_say(true_guess):
    _, guess = true_guess(1, 1, TIMES)
    names = guess.shared([0], staging=True)
    normal, right = torch.zeros(len(names), len(names)), torch.zeros(len(names))
    guess.add_oddness(names, normal, right)
    moved = guess.nudged(names[1:], -torch.linalg.solve(normal[1:, 1:], right[1:]))
    assert moved.oddness() == pytest.approx(0.0, abs=1e-3) and guess.oddness() > 0.1


def test_copies_and_parts_keep_the_order_of_frames(true_guess):
    _, guess = true_guess(1, 1, TIMES)
    twice = guess.repeated(2).solids[0].poses
    assert torch.equal(twice[:3], twice[3:]) and len(twice) == 6
    part = guess.some(np.array([2, 0])).solids[0].poses
    assert torch.equal(part, guess.solids[0].poses[[2, 0]])
