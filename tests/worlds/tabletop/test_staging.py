"""Bodies as they are put on the table: extents, masses, touching distances, paces."""

import numpy as np
import pytest

from kinema.worlds.tabletop.attributes import ACTIONS, SHAPES, SIZES, SPEEDS, Looks
from kinema.worlds.tabletop.staging import (
    DENSITY,
    HEADINGS,
    SECONDS,
    contact_distance,
    half_extents,
    mass,
    place,
    send_into,
)


def placed(shape, action, direction="right", speed="", size="small", seed=0):
    looks = Looks(shape, "red", "rubber", size, "plain")
    return place(looks, action, direction, speed, np.random.default_rng(seed))


@pytest.mark.parametrize("shape", SHAPES)
def test_sizes_scale_all_extents_alike(shape):
    small, large = (np.array(half_extents(shape, size)) for size in ("small", "large"))
    assert np.allclose(large / small, SIZES["large"] / SIZES["small"])


@pytest.mark.parametrize(
    ("shape", "volume"), [("ball", np.pi / 6), ("cube", 1), ("cylinder", np.pi / 4),
                          ("cone", np.pi / 12)],
)  # fmt: skip
def test_mass_is_volume_times_density(shape, volume):
    """Of solids that fill a box of side 1."""
    for material, density in DENSITY.items():
        assert mass(shape, material, (0.5, 0.5, 0.5)) == pytest.approx(density * volume)


@pytest.mark.parametrize("direction", HEADINGS)
@pytest.mark.parametrize("speed", SPEEDS)
def test_a_sideways_action_crosses_the_middle_in_its_two_seconds(direction, speed):
    for seed in range(5):
        body = placed("ball", "rolls", direction, speed, seed=seed)
        start, end = body.lane.at(np.array([0.0, SECONDS]))[0]
        assert start < 0.25 and end > -0.25 and abs(start + end) < 0.41
        assert np.cos(body.heading - HEADINGS[direction]) > np.cos(0.13)


def test_faster_words_move_faster():
    for action, shape in (("rolls", "ball"), ("slides", "cube")):
        slow, plain, quick = (placed(shape, action, speed=s).lane.speed for s in
                              ("slowly", "", "quickly"))  # fmt: skip
        assert slow < plain < quick
    rates = [abs(placed("cube", "spins", "", s).turn.speed) for s in ("slowly", "", "quickly")]
    assert rates[0] < rates[1] < rates[2]


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_comes_to_rest(action):
    for shape in ACTIONS[action][0]:
        for direction in ACTIONS[action][1]:
            body = placed(shape, action, direction)
            (before, after), turns = body.poses(np.array([30.0, 40.0]))
            assert np.allclose(before, after) and np.allclose(turns[0], turns[1])
            assert after[2] == pytest.approx(body.rest_height)


def test_touching_distances_by_hand():
    small, large = placed("ball", "rolls"), placed("ball", "rolls", size="large")
    cube = placed("cube", "slides")
    assert contact_distance(small, small) == pytest.approx(2 * 0.6)
    # Two circles on one line: (r1 + r2)^2 = d^2 + (r1 - r2)^2
    assert contact_distance(small, large) ** 2 == pytest.approx((0.6 + 0.74) ** 2 - 0.14**2)
    assert contact_distance(small, cube) == pytest.approx(0.6 + 0.82 * 0.6)


def test_what_is_hit_starts_to_move_when_it_is_hit():
    subject, second = placed("ball", "rolls"), placed("cube", "")
    first, *_ = send_into(subject, second, np.random.default_rng(1))
    before, at, after = second.lane.at(np.array([0.0, first, first + 0.5]))[0]
    assert 0.7 < first < 1.1 and before == at < after
    assert subject.heading == second.heading and subject.origin is second.origin
