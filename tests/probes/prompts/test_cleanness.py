import numpy as np

from kinema.probes.prompts.cleanness import Cleanness, smoothed


def test_small_steps_at_borders_are_spread_and_large_ones_stay():
    frames = np.full((1, 32, 32, 3), 100, np.uint8)
    frames[:, :, 8:] = 104
    frames[:, :, 16:] = 140
    row = smoothed(frames, 8)[0, 0, :, 0].tolist()
    assert row[4:12] == [
        100,
        100,
        101,
        102,
        102,
        103,
        104,
        104,
    ]  # 4, over 6 pixels
    assert row[12:20] == [104] * 4 + [140] * 4  # an outline
    assert smoothed(frames, 8).shape == frames.shape


def test_what_has_no_steps_stays_as_it_is():
    ramp = np.broadcast_to(np.arange(32, dtype=np.uint8)[:, None, None] * 0 + 77, (32, 32, 3))
    assert np.array_equal(smoothed(ramp[None], 8), ramp[None])


def test_smoothing_takes_the_seams_of_squares_away():
    generator = np.random.default_rng(0)
    levels = generator.integers(-3, 4, (9, 8, 8, 1))
    squares = np.repeat(np.repeat(levels, 8, 1), 8, 2)
    grain = generator.integers(-2, 3, (9, 64, 64, 1))
    frames = np.broadcast_to(120 + squares + grain, (9, 64, 64, 3)).astype(np.uint8)
    before, after = (Cleanness.of([clip], 8).ratios[0] for clip in (frames, smoothed(frames, 8)))
    assert before > 1.3 > 1 > after


def test_clips_without_any_step_have_no_ratio():
    assert Cleanness([0.0, 3.0], [0.0, 2.0], [1.0, 1.0]).ratios == [1.5]
