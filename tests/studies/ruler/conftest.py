"""A wall that moves, as a clip."""

import numpy as np
import pytest


def moving_wall(num_frames, seed=0, size=48):
    """A blocky wall that moves two pixels a frame."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (size // 4, (size + 2 * num_frames) // 4 + 1, 3), dtype=np.uint8)
    wall = blocks.repeat(4, 0).repeat(4, 1)
    return np.stack([wall[:, 2 * t : 2 * t + size] for t in range(num_frames)])


@pytest.fixture
def pan():
    return moving_wall
