"""From true paths the answers are the true answers, in hundreds of scenes."""

import numpy as np
import pytest

from kinema.judges.synthesis.explanation import Explanation
from kinema.judges.synthesis.reading import TOUCHES, answers, gaps
from kinema.judges.synthesis.solids import Guess
from kinema.judges.tabletop import NONE, true_answers

TIMES = np.arange(33) / 16


def explained(guess):
    return Explanation(guess, [], np.ones((len(guess.solids), 33), bool), [], TIMES)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_true_paths_are_read_as_what_they_are(true_guess, level):
    for seed in range(60):
        scene, guess = true_guess(seed, level, TIMES)
        read, true = answers(explained(guess)), true_answers(scene.attributes)
        assert read == {question: true[question] for question in read}, scene.caption


def test_nothing_is_read_off_an_empty_table(true_guess):
    _, guess = true_guess(0, 1, TIMES)
    read = answers(explained(Guess(guess.stage, [])))
    assert read.pop("camera") == "still" and set(read.values()) == {NONE}


def test_gaps_close_when_the_world_says_that_bodies_touch(true_guess):
    scenes = (true_guess(seed, 2, TIMES) for seed in range(100))
    met = [(scene, guess) for scene, guess in scenes if scene.attributes.relation == "into"]
    for scene, guess in met:
        gap = gaps(*guess.solids)
        at = min(round(16 * scene.contacts[0]), 32)
        assert gap[max(at - 1, 0) : at + 2].min() < TOUCHES
