import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import UserError
from kinema.metrics.temporal.seams import block_seams, outline_sharpness


def squares(generator: np.random.Generator, block: int, side: int = 64) -> np.ndarray:
    """A gray clip under squares of random levels, other ones in every frame."""
    levels = generator.integers(-6, 7, (9, side // block, side // block, 1)).astype(np.int16)
    drawn = np.repeat(np.repeat(levels, block, 1), block, 2)
    return np.broadcast_to(120 + drawn, (9, side, side, 3)).astype(np.uint8)


@given(st.integers(0, 10**6), st.sampled_from([4, 8, 16]))
def test_squares_step_at_their_borders_and_nowhere_else(seed, block):
    frames = squares(np.random.default_rng(seed), block)
    seams = block_seams(frames, block)
    assert seams.elsewhere == 0 and seams.at_borders > 0 and seams.ratio == np.inf


@given(st.integers(0, 10**6))
def test_white_noise_steps_alike_everywhere(seed):
    noise = np.random.default_rng(seed).integers(115, 126, (9, 64, 64, 3), dtype=np.uint8)
    assert block_seams(noise).ratio == pytest.approx(1, abs=0.02)


def test_the_size_of_a_step_is_in_gray_levels():
    frames = np.full((5, 32, 32, 3), 100, np.uint8)
    frames[0, :, 8:16] += 4  # two borders of three, in one frame of five; none from row to row
    steps = 5 * 32 * 3 * (3 + 3)  # frames, places along a border, channels, borders of both ways
    assert block_seams(frames).at_borders == pytest.approx(2 * 32 * 3 * 4 / steps)


def test_a_still_clip_has_no_seams_and_nothing_moves_in_it():
    still = np.repeat(np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3)), 5, 0)
    assert block_seams(still.astype(np.uint8)).ratio == 1
    assert np.isnan(outline_sharpness(still.astype(np.uint8)))


def test_what_moves_is_no_seam():
    frames = np.full((9, 64, 64, 3), 60, np.uint8)
    for t in range(9):
        frames[t, 16:32, 4 * t : 4 * t + 16] = 200
    assert block_seams(frames).ratio == 1


def test_frames_smaller_than_two_blocks_are_refused():
    with pytest.raises(UserError, match="no seams"):
        block_seams(np.zeros((3, 12, 64, 3), np.uint8))


def test_a_hard_outline_rises_in_one_pixel_and_blur_lowers_it_step_by_step():
    frames = np.full((9, 64, 64, 3), 60, np.uint8)
    for t in range(9):
        frames[t, 16:32, 4 * t : 4 * t + 16] = 200
    rises = [outline_sharpness(frames)]
    for sigma in (0.6, 1.2, 2.4):
        soft = np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])
        rises.append(outline_sharpness(soft))
    assert rises[0] == 1 and all(a > b + 0.05 for a, b in zip(rises, rises[1:], strict=False))
