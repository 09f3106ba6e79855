"""Small moving pictures that codecs find easy: smooth gradients with a bright square."""

import numpy as np
import pytest

from kinema.clips import Clip


def moving_square(num_frames: int = 9, height: int = 32, width: int = 48) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    frames = []
    for i in range(num_frames):
        frame = np.stack([x * 4 % 256, y * 6 % 256, np.full_like(x, 90 + i)], -1).astype(np.uint8)
        frame[8:16, 2 + 2 * i : 12 + 2 * i] = (250, 40, 30)
        frames.append(frame)
    return np.stack(frames)


@pytest.fixture
def frames():
    return moving_square()


@pytest.fixture
def clip(frames):
    return Clip(frames, 16, "a red square", {"seed": 3})


@pytest.fixture
def square():
    return moving_square
