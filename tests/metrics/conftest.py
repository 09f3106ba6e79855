"""Footage whose truth is known: a textured wall before a panning camera, and a disc on it."""

import cv2
import numpy as np
import pytest

from kinema.metrics.vector import measure

SIZE, NUM_FRAMES = 96, 16


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Random colors at three scales, as pictures have them; uint8 (h w 3), mean 128."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 128.0, np.float32)
    for grain in (1.2, 4.0, 12.0):
        noise = rng.standard_normal((height, width, 3)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), grain)
        picture += 22 * smooth / smooth.std()
    return np.clip(picture, 0, 255).astype(np.uint8)


def pan_frames(pixels: int = 1, num_frames: int = NUM_FRAMES, seed: int = 0) -> np.ndarray:
    """A wall that moves to the left by whole pixels, so that no interpolation is involved."""
    wall = texture(SIZE, SIZE + pixels * num_frames, seed)
    starts = [pixels * t for t in range(num_frames)]
    return np.stack([wall[:, start : start + SIZE] for start in starts])


@pytest.fixture(scope="session")
def pan() -> np.ndarray:
    """Sixteen frames of steady motion, one pixel a frame; read-only."""
    frames = pan_frames()
    frames.setflags(write=False)
    return frames


@pytest.fixture(scope="session")
def still() -> np.ndarray:
    """One frame, sixteen times."""
    return np.repeat(pan_frames()[:1], NUM_FRAMES, axis=0)


@pytest.fixture(scope="session")
def make_pan():
    """The function `pan_frames(pixels, num_frames, seed)`."""
    return pan_frames


@pytest.fixture(scope="session")
def measured():
    """The function `measure`, which measures the same frames once for all tests."""
    known = {}

    def measured(frames):
        key = frames.shape, frames.tobytes()
        if key not in known:
            known[key] = measure(frames)
        return known[key]

    return measured
