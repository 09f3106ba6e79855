import numpy as np
import pytest

from kinema.probes.codec.scores import (
    CodecScores,
    Seams,
    changes,
    error_spectrum,
    flicker_added,
    motion_kept,
    motion_of,
    seam_ratio,
    warping_added,
)


def moving_clip(num_frames: int = 9) -> np.ndarray:
    """A textured square that slides over a flat ground, a pixel a frame."""
    texture = np.random.default_rng(0).integers(0, 255, (10, 10, 3), np.uint8)
    frames = np.full((num_frames, 24, 32, 3), 90, np.uint8)
    for number, frame in enumerate(frames):
        frame[6:16, 4 + number : 14 + number] = texture
    return frames


def test_an_error_that_stands_still_adds_no_flicker():
    true = moving_clip() // 2
    assert flicker_added(true, true + np.uint8(3)) == 0.0
    blinking = true + (np.arange(len(true)) % 2).astype(np.uint8)[:, None, None, None] * 2
    assert flicker_added(true, blinking) == 2.0
    assert flicker_added(true[:1], blinking[:1]) == 0.0


def jumping(true: np.ndarray, period: int) -> np.ndarray:
    """Every latent frame is off by another grey level, and steady within."""
    block = (np.arange(len(true)) + period - 1) // period
    return true + (block % 2 * 2).astype(np.uint8)[:, None, None, None]


def test_a_codec_that_jumps_from_block_to_block_has_seams():
    true = moving_clip() // 2
    assert changes(true, jumping(true, 4)).tolist() == [2, 0, 0, 0, 2, 0, 0, 0]
    assert np.isnan(seam_ratio(changes(true, jumping(true, 4)), 4))  # steady elsewhere
    noisy = changes(true, jumping(true, 4)) + 1
    assert seam_ratio(noisy, 4) == 3.0
    assert np.isnan(seam_ratio(noisy, 1)) and np.isnan(seam_ratio(noisy[:1], 4))


def test_the_spectrum_adds_up_to_the_squared_error_and_finds_a_period():
    rng = np.random.default_rng(0)
    for num_frames in (8, 9):
        true = rng.integers(0, 255, (num_frames, 5, 6, 3), np.uint8)
        coded = rng.integers(0, 255, true.shape, np.uint8)
        squared = np.square(coded.astype(float) - true).mean()
        assert error_spectrum(true, coded).sum() == pytest.approx(squared, rel=1e-4)
    true = np.zeros((16, 4, 4, 3), np.uint8)
    every_fourth = np.where(np.arange(16) % 4 == 0, 8, 0).astype(np.uint8)[:, None, None, None]
    energy = error_spectrum(true, true + every_fourth)
    assert set(np.flatnonzero(energy > 0.1)) == {0, 4, 8}  # multiples of 1/4 cycle a frame


def test_a_frozen_clip_has_kept_no_motion():
    true = moving_clip()
    frozen = np.repeat(true[:1], len(true), axis=0)
    assert motion_kept(true, true) == pytest.approx(1)
    assert motion_kept(true, frozen) == 0
    faint = ((true.astype(int) - 90) // 2 + 90).astype(np.uint8)
    assert motion_kept(true, faint) == pytest.approx(0.5, abs=0.02)
    assert motion_kept(frozen, true) == 1


def test_noise_adds_warping_error_and_the_clip_itself_none():
    true = moving_clip()
    flow = motion_of(true)
    noise = np.random.default_rng(1).integers(0, 20, true.shape, np.uint8)
    assert warping_added(true, true, flow) == 0
    assert warping_added(true, np.clip(true.astype(int) + noise, 0, 255).astype(np.uint8), flow) > 2
    assert warping_added(true[:1], true[:1], flow) == 0


def test_every_clip_adds_a_figure_to_every_column():
    scores, true = CodecScores(values=48.0), moving_clip()
    scores.add(true, jumping(true // 2, 4), motion_of(true), 4)
    figures = {name: value for name, value in vars(scores).items() if name != "values"}
    assert all(len(value) == 1 for value in figures.values())
    assert scores.bits == 24


def test_seams_are_means_over_clips_of_one_length():
    true = moving_clip() // 2
    seams = Seams.of([true, true, true[:3]], [true, jumping(true, 4), true[:3]])
    assert seams.flicker.tolist() == [1, 0, 0, 0, 1, 0, 0, 0] and len(seams.spectrum) == 5
