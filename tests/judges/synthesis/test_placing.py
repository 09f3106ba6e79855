"""Starts of the fit lie near the truth, on the table and above it."""

import numpy as np
import pytest
import torch

from kinema.judges.synthesis.masks import Seen
from kinema.judges.synthesis.placing import first_guesses
from kinema.judges.synthesis.solids import HEIGHT, outlines

TIMES = np.arange(9) / 4


def seen_truly(guess):
    mask = (outlines(guess, TIMES, (64, 64)) == 1).float()
    return Seen(guess.solids[0].color, mask)


@pytest.mark.parametrize("action", ["rolls", "slides", "bounces", "falls"])
def test_one_of_the_starts_is_near(true_guess, action):
    scenes = (true_guess(seed, 1, TIMES) for seed in range(200))
    for scene, guess in [pair for pair in scenes if pair[0].attributes.action == action][:4]:
        solid = guess.solids[0]
        starts = first_guesses(guess.stage, seen_truly(guess), TIMES)
        errors = [(start.centers - solid.centers).norm(dim=1).median() for start in starts]
        assert min(errors) < 1.0, scene.caption
        assert all((start.poses[:, HEIGHT] >= 0).all() for start in starts)


def test_what_is_not_seen_lies_between_what_is(true_guess):
    _, guess = true_guess(1, 1, TIMES)
    seen = seen_truly(guess)
    seen.mask[4] = 0.0
    whole = first_guesses(guess.stage, seen, TIMES)[0].poses
    assert torch.isfinite(whole).all()
    assert torch.allclose(whole[4], (whole[3] + whole[5]) / 2, atol=1e-5)
