import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from kinema.training.checkpoint import Position
from kinema.training.randomness import draw, seed_step, untouched

COUNTS = st.integers(0, 2**40)


def noise(seed: int, position: Position) -> list[float]:
    seed_step(seed, position)
    return torch.rand(4).tolist()


@given(COUNTS, COUNTS, st.integers(0, 10))
def test_a_step_taken_again_draws_the_same(seed, step, rollbacks):
    position, later = Position(step, 5, rollbacks), Position(step, 9, rollbacks)
    assert noise(seed, position) == noise(seed, later)
    assert np.array_equal(draw(seed, position, 8, 1000), draw(seed, later, 8, 1000))


@given(COUNTS, COUNTS)
def test_another_seed_step_or_rollback_draws_otherwise(seed, step):
    others = [(seed + 1, Position(step)), (seed, Position(step + 1)), (seed, Position(step, 0, 1))]
    here = Position(step)
    for other in others:
        assert noise(seed, here) != noise(*other)
        assert not np.array_equal(draw(seed, here, 32, 10**6), draw(*other, 32, 10**6))


def test_seed_and_step_do_not_stand_for_each_other():
    assert noise(1, Position(2)) != noise(2, Position(1))


def test_the_stream_is_the_same_in_every_version():
    """A run that resumes with a later version of kinema or python goes on as it began."""
    assert draw(3, Position(5, 0, 1), 4, 1000).tolist() == [530, 606, 47, 245]
    seed_step(3, Position(5, 0, 1))
    assert torch.initial_seed() == 7439513145073816386


def test_draws_are_uniform_over_what_is_ready():
    drawn = draw(0, Position(step=7), 10_000, 10)
    assert (np.bincount(drawn) > 880).all() and len(np.bincount(drawn)) == 10


def test_what_a_block_draws_is_forgotten():
    torch.manual_seed(0)
    np.random.seed(0)
    expected = torch.rand(1), np.random.rand()
    torch.manual_seed(0)
    np.random.seed(0)
    with untouched():
        torch.rand(3), np.random.rand(3)
    assert (torch.rand(1), np.random.rand()) == expected
