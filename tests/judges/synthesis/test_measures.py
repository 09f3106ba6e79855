"""Figures on clips whose right figures are known: the explanation is the truth, then is not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kinema.judges.synthesis.explanation import Explanation
from kinema.judges.synthesis.masks import Seen
from kinema.judges.synthesis.measures import best_render, came_back, figures, silhouettes
from kinema.judges.synthesis.solids import outlines

TIMES = np.arange(9) / 4


@pytest.fixture
def exact(true_guess):
    """The frames of a scene of two objects, and the explanation that is the truth."""
    seeds = (seed for seed in range(50) if len(true_guess(seed, 2, TIMES)[1].solids) == 2)
    _, guess = true_guess(next(seeds), 2, TIMES)
    masks = outlines(guess, TIMES, (64, 64))
    seen = [Seen(s.color, (masks == i + 1).float()) for i, s in enumerate(guess.solids)]
    known = torch.ones(2, 9, dtype=torch.bool)
    explanation = Explanation(guess, seen, known, [{}, {}], TIMES)
    return best_render(np.zeros((9, 64, 64, 3), np.uint8), explanation), explanation


def test_the_truth_leaves_nothing_over(exact):
    frames, explanation = exact
    one = figures(frames, explanation)
    assert one.psnr > 60 and one.silhouettes == 1 and one.objects == 2
    assert one.contact is not None and one.size_kept < 0.05


def test_noise_is_left_over(exact):
    frames, explanation = exact
    noise = np.random.default_rng(0).normal(0, 10, frames.shape)
    noisy = (frames + noise).round().clip(0, 255).astype(np.uint8)
    assert figures(noisy, explanation).psnr == pytest.approx(28.2, abs=0.5)


def test_a_solid_elsewhere_does_not_cover_what_is_seen(exact):
    _, explanation = exact
    solid = explanation.guess.solids[0]
    aside = replace(solid, poses=solid.poses + torch.tensor([0.7, 0.0, 0.0, 0.0]))
    moved = replace(explanation, guess=explanation.guess.replaced(0, aside))
    assert silhouettes(moved) < 0.8


def test_what_is_lost_comes_back_or_does_not(exact):
    _, explanation = exact
    assert came_back(explanation) is None
    known = torch.ones(2, 9, dtype=torch.bool)
    known[0, 3:6] = False
    assert came_back(replace(explanation, known=known)) is True
    known[1, 5:] = False
    assert came_back(replace(explanation, known=known)) is False


def test_a_thing_that_shrinks_does_not_keep_its_size(exact):
    frames, explanation = exact
    mask = explanation.seen[0].mask.clone()
    mask[5:] *= 0.5
    shrunk = replace(explanation, seen=[Seen("red", mask), explanation.seen[1]])
    assert figures(frames, shrunk).size_kept > 0.1
