"""Held keys against a fine numerical integration, the walls, and the promises of the seeds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.worlds import keys
from kinema.worlds.discs.drawing import EXTENT
from kinema.worlds.keys import DRAG, HOLDS, KEYS, PUSH, Drive, driven, sample_drive


def start(**changed) -> Drive:
    chosen = {
        "position": np.array([5.0, 5.0]),
        "velocity": np.array([1.0, -2.0]),
        "radius": 1.0,
        "keys": np.zeros((20, 4), int),
        **changed,
    }
    return Drive(**chosen)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), fps=st.sampled_from([10.0, 24.0]))
def test_without_walls_the_motion_solves_its_equation(seed, fps):
    drive = sample_drive(seed, 12, level=2)
    x, v = drive.position.copy(), drive.velocity.copy()
    step = 1.0 / (fps * 2_000)
    for push in drive.pushes[1:]:
        for _ in range(2_000):
            middle = v + 0.5 * step * (push - DRAG * v)
            x, v = x + step * middle, v + step * (push - DRAG * middle)
    positions, velocities = driven(drive, fps, walls=False)
    assert np.allclose(positions[-1], x, atol=1e-5)
    assert np.allclose(velocities[-1], v, atol=1e-5)


@pytest.mark.parametrize(("name", "way"), KEYS.items())
def test_a_held_key_leads_to_its_direction_and_the_top_speed(name, way):
    held = np.zeros((80, 4), int)
    held[1:, list(KEYS).index(name)] = 1
    _, velocities = driven(start(keys=held), walls=False)
    assert np.allclose(velocities[-1], PUSH / DRAG * np.array(way), atol=1e-4)


def test_the_first_row_of_the_keys_pushes_nothing():
    held = np.zeros((5, 4), int)
    held[0] = 1
    assert np.array_equal(driven(start(keys=held))[0], driven(start(keys=held * 0))[0])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), split=st.sampled_from(keys.SPLITS))
def test_the_disc_stays_in_the_box(seed, split):
    drive = sample_drive(seed, 64, split=split)
    positions, _ = driven(drive)
    assert (positions >= drive.radius - 1e-9).all()
    assert (positions <= EXTENT - drive.radius + 1e-9).all()


def test_a_wall_gives_back_a_share_of_the_speed():
    fast = start(position=np.array([8.5, 5.0]), velocity=np.array([4.0, 0.0]))
    _, velocities = driven(fast)
    before, after = velocities[1, 0], velocities[2, 0]
    assert before > 0 > after
    assert abs(after) == pytest.approx(keys.REBOUND * before * np.exp(-DRAG * 0.1), rel=0.02)


@given(seed=st.integers(0, 10_000), split=st.sampled_from(keys.SPLITS))
@settings(max_examples=30, deadline=None)
def test_keys_are_held_as_long_as_the_split_says_and_never_against_each_other(seed, split):
    drive = sample_drive(seed, 200, split=split)
    held = drive.keys
    assert not (held[:, 0] & held[:, 1]).any() and not (held[:, 2] & held[:, 3]).any()
    changes = np.flatnonzero((np.diff(held[1:], axis=0) != 0).any(1)) + 1
    assert np.diff([0, *changes]).min() >= HOLDS[split][0]
    shorter = sample_drive(seed, 50, split=split)
    assert np.array_equal(shorter.keys, held[:50])
    assert np.array_equal(shorter.position, drive.position)
