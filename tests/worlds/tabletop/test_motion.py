"""Closed-form mechanics against conservation laws and a step-by-step integrator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.worlds.tabletop.motion import GRAVITY, Height, Lane, collide, solve

TIMES = np.linspace(0.0, 6.0, 241)


@given(
    m1=st.floats(0.1, 5), m2=st.floats(0.1, 5), v1=st.floats(-3, 3), v2=st.floats(-3, 3),
    restitution=st.floats(0, 1),
)  # fmt: skip
def test_impact_keeps_momentum_and_obeys_restitution(m1, m2, v1, v2, restitution):
    u1, u2 = collide(m1, v1, m2, v2, restitution)
    assert np.isclose(m1 * u1 + m2 * u2, m1 * v1 + m2 * v2)
    assert np.isclose(u2 - u1, restitution * (v1 - v2))
    lost = m1 * v1**2 + m2 * v2**2 - m1 * u1**2 - m2 * u2**2
    assert lost > -1e-9
    if restitution == 1.0:
        assert np.isclose(lost, 0.0, atol=1e-9)


def test_rolling_body_rolls_without_slipping_until_it_rests():
    lane = Lane(-1.0, 1.3, inertia=0.4, sliding=2.5, rolling=0.3)
    solve([lane])
    position, speed, rolled = lane.at(TIMES)
    assert np.allclose(position + 1.0, rolled)
    assert np.isclose(position[-1] + 1.0, 1.3**2 / (2 * 0.3))  # v^2 / 2a
    assert speed[-1] == 0.0 and (np.diff(speed) <= 1e-12).all()


def test_a_struck_ball_slips_and_grips_at_five_sevenths_of_its_speed():
    lane = Lane(0.0, 0.0, inertia=0.4, sliding=2.5, rolling=0.0)
    solve([lane])
    lane._strike(0.0, 1.4)
    lane._turn_phase(lane._phase_end())
    assert np.isclose(lane.phases[-1].speed, 5 / 7 * 1.4)
    assert np.isclose(lane.phases[-1].surface_speed, 5 / 7 * 1.4)


def euler(lanes: list[Lane], distance: float, restitution: float, seconds: float) -> np.ndarray:
    """Positions of two bodies at the end, in steps of 50 microseconds."""
    step = 5e-5
    x = [lane.position for lane in lanes]
    v = [lane.speed for lane in lanes]
    s = [lane.speed if lane.inertia else 0.0 for lane in lanes]
    for _ in range(int(seconds / step)):
        for i, lane in enumerate(lanes):
            slip = v[i] - s[i]
            if lane.inertia and abs(slip) > 4e-4:
                v[i] -= lane.sliding * np.sign(slip) * step
                s[i] += lane.sliding / lane.inertia * np.sign(slip) * step
            else:
                brake = lane.rolling if lane.inertia else lane.sliding
                v[i] -= min(brake * step, abs(v[i])) * np.sign(v[i])
                s[i] = v[i]
            x[i] += v[i] * step
        if x[1] - x[0] < distance and v[0] > v[1]:
            v = list(collide(lanes[0].mass, v[0], lanes[1].mass, v[1], restitution))
    return np.array(x)


@pytest.mark.parametrize("rolls", [(True, True), (True, False), (False, False)])
def test_closed_form_agrees_with_small_steps(rolls):
    def lanes():
        kinds = [{"inertia": 0.4, "sliding": 2.5, "rolling": 0.4} if r else {"sliding": 0.9}
                 for r in rolls]  # fmt: skip
        return [Lane(-1.5, 1.8, mass=1.3, **kinds[0]), Lane(0.3, 0.0, mass=0.8, **kinds[1])]

    exact = lanes()
    contacts = solve(exact, distance=1.0, restitution=0.7)
    ends = [lane.at(np.array([1.5]))[0][0] for lane in exact]
    assert contacts
    assert np.allclose(ends, euler(lanes(), 1.0, 0.7, 1.5), atol=3e-3)


@settings(max_examples=30, deadline=None)
@given(
    speed=st.floats(0.5, 4), mass=st.floats(0.3, 3), restitution=st.floats(0.3, 1),
    rolls=st.booleans(), other_rolls=st.booleans(),
)  # fmt: skip
def test_bodies_never_pass_through_each_other(speed, mass, restitution, rolls, other_rolls):
    first = Lane(-2.0, speed, 1.0, 0.4 if rolls else 0.0, sliding=1.0, rolling=0.3)
    second = Lane(0.0, 0.0, mass, 0.4 if other_rolls else 0.0, sliding=1.0, rolling=0.3)
    solve([first, second], 1.2, restitution)
    assert (second.at(TIMES)[0] - first.at(TIMES)[0]).min() > 1.2 - 1e-9


def test_bounces_lose_height_by_restitution_squared_and_end():
    height = Height(drop=1.5, restitution=0.8)
    assert np.isclose(height.bounces[0], np.sqrt(2 * 1.5 / GRAVITY))
    tops = [(a + b) / 2 for a, b in zip(height.bounces, height.bounces[1:], strict=False)]
    assert np.allclose(height.at(np.array(tops[:4])), 1.5 * 0.64 ** np.arange(1, 5))
    assert np.allclose(height.at(np.array(height.bounces)), 0.0, atol=1e-12)
    assert (height.at(TIMES) >= -1e-12).all() and height.at(np.array([50.0]))[0] == 0.0
