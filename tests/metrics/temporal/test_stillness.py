import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.metrics.temporal.stillness import (
    change,
    duplicate_share,
    held_share,
    judder,
    loop,
    motion,
    repeat_share,
    still_share,
)


def test_a_frozen_clip_is_still(still):
    assert float(motion(still)) == 0
    assert float(still_share(still)) == 1
    assert float(duplicate_share(still)) == 1


@pytest.mark.parametrize("sigma", [1, 2])
def test_a_frozen_clip_with_noise_is_still(still, sigma):
    noise = sigma * np.random.default_rng(0).standard_normal(still.shape)
    frames = np.round(still + noise).clip(0, 255).astype(np.uint8)
    assert float(still_share(frames)) == 1


def test_a_frozen_clip_with_flicker_is_still(still):
    gains = 1 + 0.05 * np.random.default_rng(0).standard_normal(16)[:, None, None, None]
    assert float(still_share((still * gains * 0.8).astype(np.uint8))) == 1


def test_a_pan_is_not_still(pan):
    assert float(still_share(pan)) == 0
    assert float(change(pan)) > 5
    assert float(motion(pan)) == pytest.approx(100 / 96, rel=0.25)


def test_the_frozen_end_is_where_it_is(pan):
    frames = np.concatenate([pan[:8], np.repeat(pan[7:8], 12, axis=0)])
    score = still_share(frames)
    assert np.flatnonzero(score.curve).tolist() == list(range(7, 20))
    assert float(score) == 13 / 20


def test_each_third_frame_held(make_pan):
    frames = make_pan(num_frames=18)
    index = np.arange(18)
    index[2::3] -= 1
    score = held_share(frames[index])
    assert float(score) == pytest.approx(6 / 17)
    assert np.flatnonzero(score.curve == 1).tolist() == [2, 5, 8, 11, 14, 17]
    assert float(held_share(frames)) == 0


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 99), grain=st.sampled_from([0.0, 0.15]), swing=st.sampled_from([0.0, 0.08])
)
def test_repeated_frames_are_found_where_little_moves(still, seed, grain, swing):
    """A patch of 40 x 20 pixels goes on; a codec adds a little, and the light flickers."""
    generator = np.random.default_rng(seed)
    frames = still.astype(float)
    for t, frame in enumerate(frames):
        frame[30:70, 5 + 4 * t : 25 + 4 * t] = still[0, 10:50, 10:30]
    index = np.arange(16)
    index[2::3] -= 1
    gains = 1 + swing * generator.standard_normal(16)[:, None, None, None]
    noise = grain * generator.standard_normal(frames.shape)
    shown = np.round(0.7 * gains * frames[index] + noise).clip(0, 255).astype(np.uint8)
    assert np.flatnonzero(repeat_share(shown).curve == 1).tolist() == [2, 5, 8, 11, 14]


def test_a_pause_is_no_repetition(make_pan):
    """The camera goes, stops for four frames, and goes on: nothing is repeated between changes."""
    frames = make_pan(num_frames=20)
    paused = frames[[*range(8), 7, 7, 7, 7, *range(8, 16)]]
    assert float(repeat_share(paused)) < 0.25
    assert float(repeat_share(frames)) == 0
    assert float(repeat_share(frames[:4])) == 0


def test_held_frames_judder(pan):
    assert float(judder(pan[[0, 1, 1, 2, 3, 3, 4, 5, 5, 6]])) > 5 * float(judder(pan))


def test_what_lies_across_a_cut_is_no_judder(make_pan):
    frames = np.concatenate([make_pan(), 255 - make_pan(seed=5)])
    score = judder(frames)
    assert np.flatnonzero(np.isnan(score.curve)).tolist() == [0, 1, 15, 16, 17, 31]
    assert score.value == pytest.approx(np.nanmean(score.curve)) and score.value < 0.1


@settings(max_examples=8)
@given(period=st.integers(4, 8))
def test_a_loop_is_a_loop(make_pan, period):
    frames = make_pan(pixels=2)[np.arange(16) % period]
    assert float(loop(frames)) > 0.95


def test_neither_a_pan_nor_a_frozen_clip_loops(pan, still):
    assert float(loop(pan)) < 0.3
    assert float(loop(still)) == 0


def test_one_frame_shows_no_motion(pan):
    assert float(still_share(pan[:1])) == 1


@pytest.mark.parametrize("sigma", [1, 1.5])
def test_a_frozen_clip_under_a_little_noise_is_still(still, sigma):
    noise = sigma * np.random.default_rng(0).standard_normal(still.shape)
    assert float(still_share(np.round(still + noise).clip(0, 255).astype(np.uint8))) == 1
