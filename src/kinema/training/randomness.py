"""The randomness of a step: a function of the run's seed and of where the run stands.

A step that is taken again, after a resume or in another process, therefore draws the same clips,
noise levels and noise. Whatever else happens within a step keeps its hands off: see `untouched`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from kinema.training.checkpoint import Position


def step_sequence(seed: int, position: Position, stream: int) -> np.random.SeedSequence:
    """One of the independent random streams of a step: 0 draws its clips, 1 all the rest."""
    return np.random.SeedSequence((seed, position.step, position.rollbacks, stream))


def draw(seed: int, position: Position, batch_size: int, num_ready: int) -> np.ndarray:
    """Draw the indices of a step's clips, uniformly from the first `num_ready`."""
    rng = np.random.default_rng(step_sequence(seed, position, stream=0))
    return rng.integers(0, num_ready, batch_size)


def seed_step(seed: int, position: Position) -> None:
    """Seed torch's global random state, from which a step draws, for the step at `position`."""
    state = step_sequence(seed, position, stream=1).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0] >> np.uint64(1)))  # 63 bits: torch takes no more


@contextmanager
def untouched() -> Iterator[None]:
    """Restore the global random state of torch and numpy after the block.

    For whatever a step does that is not one of its own draws: a codec that is loaded to encode
    clips initializes its weights at random first.
    """
    numpy_state = np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            np.random.set_state(numpy_state)
