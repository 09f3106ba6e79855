"""Scenes: the split, physics of whole bodies, and that an action is what it is called."""

from functools import cache

import numpy as np
import pytest

from kinema.worlds.tabletop import (
    combinations,
    is_held_out,
    sample_scene,
)
from kinema.worlds.tabletop.attributes import ACTIONS, CAMERAS, COLORS, RELATIONS, SHAPES
from kinema.worlds.tabletop.staging import contact_distance

SEEDS = range(60)


@cache
def scenes_of(level: int) -> list:
    return [sample_scene(seed, level, "all") for seed in range(300)]


def find(level: int, **wanted):
    """Scenes whose attributes are as wanted."""
    return [
        s for s in scenes_of(level) if all(getattr(s.attributes, k) in v for k, v in wanted.items())
    ]


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_splits_are_disjoint(level):
    for seed in SEEDS:
        train = sample_scene(seed, level, "train").attributes
        assert not any(map(is_held_out, train.combinations))
        held_out = sample_scene(seed, level, "held_out").attributes
        assert is_held_out(held_out.combinations[0])


def test_held_out_combinations_leave_every_part_in_training():
    everything = combinations()
    held_out = set(filter(is_held_out, everything))
    assert len(everything) == len(set(everything)) == 304
    assert 0.12 < len(held_out) / len(everything) < 0.18
    kept = [c for c in everything if c not in held_out]
    assert {c[:2] for c in kept} == {(color, shape) for color in COLORS for shape in SHAPES}
    assert {c[1:] for c in kept} == {c[1:] for c in everything}


def test_the_split_is_fixed_for_ever():
    assert not is_held_out(("red", "ball", "rolls", "right"))
    assert is_held_out(("red", "ball", "rolls", "left"))


def test_a_seed_fixes_the_scene():
    one, two = sample_scene(5, 4), sample_scene(5, 4)
    assert one.caption == two.caption and one.attributes == two.attributes
    times = np.linspace(0, 3, 7)
    assert (one.poses(times)[0] == two.poses(times)[0]).all()
    assert sample_scene(6, 4).caption != one.caption


def test_levels_add_what_they_promise():
    one, two = ([sample_scene(s, level).attributes for s in SEEDS] for level in (1, 2))
    three, four = ([sample_scene(s, level).attributes for s in SEEDS] for level in (3, 4))
    assert all(a.second is None and a.camera == "still" for a in one)
    assert {a.action for a in one} == set(ACTIONS)
    assert {a.relation for a in two} == set(RELATIONS)
    assert all(a.camera == "still" and a.scene.kind == "plain" for a in two)
    assert {a.camera for a in three} == set(CAMERAS)
    assert {a.scene.kind for a in four} == {"plain", "checkered", "wooden"}
    assert {a.subject.pattern for a in four} == {"plain", "striped"}


def test_bodies_move_where_the_words_say():
    signs = {"right": (0, 1), "left": (0, -1), "away": (1, 1), "towards": (1, -1)}
    for scene in find(1, direction=signs):
        axis, sign = signs[scene.attributes.direction]
        start, end = scene.bodies[0].poses(np.array([0.0, 2.0]))[0]
        path = sign * (end - start)[:2]
        assert path[axis] > 0.8 and path[axis] > 2.0 * abs(path[1 - axis])


def test_speeds_are_told_apart():
    def paths(action, speed):
        scenes = find(1, action=[action], speed=[speed], direction=["left", "right"])
        ends = [s.bodies[0].poses(np.array([0.0, 2.0]))[0] for s in scenes]
        return [np.linalg.norm(b - a) for a, b in ends]

    for action in ("rolls", "slides"):
        slow, plain, quick = (paths(action, speed) for speed in ("slowly", "", "quickly"))
        assert max(slow) < 0.8 * min(plain) and max(plain) < 0.8 * min(quick)


def test_whole_bodies_roll_without_slipping():
    """The point that touches the table does not move while it touches."""
    step = 1e-5
    for scene in find(1, action=["rolls"])[:20]:
        body = scene.bodies[0]
        (before, after), turns = body.poses(np.array([1.0, 1.0 + step]))
        touching = turns[0].T @ np.array([0.0, 0.0, -body.half[0]])  # in the body's frame
        slip = (after + turns[1] @ touching - before - turns[0] @ touching) / step
        assert np.abs(slip).max() < 1e-3
        assert np.linalg.norm(after - before) / step > 0.3


def test_collisions_keep_momentum_and_bodies_touch_then():
    scenes = find(2, relation=["into"])
    assert len(scenes) > 30
    for scene in scenes:
        first, second = scene.bodies
        assert 0.3 < scene.contacts[0] < 1.3
        at = np.array([scene.contacts[0]])
        gap = second.lane.at(at)[0] - first.lane.at(at)[0]
        assert np.isclose(gap, contact_distance(first, second))
        around = at + np.array([-1e-7, 1e-7])
        momentum = sum(b.lane.mass * b.lane.at(around)[1] for b in (first, second))
        assert np.isclose(momentum[0], momentum[1], rtol=1e-5)
        start, end = second.lane.at(np.array([0.0, 3.0]))[0]
        assert end > start + 0.03  # the blow is seen


def test_bodies_stay_apart_and_above_the_table():
    times = np.linspace(0, 6, 61)
    for seed in SEEDS:
        scene = sample_scene(seed, 2)
        centers, _ = scene.poses(times)
        for body, center in zip(scene.bodies, centers, strict=True):
            assert center[:, 2].min() >= body.rest_height - 1e-9
            assert center[-1, 2] == pytest.approx(body.rest_height, abs=0.3)
        if len(scene.bodies) == 2 and scene.attributes.relation != "into":
            apart = np.linalg.norm((centers[0] - centers[1])[:, :2], axis=1).min()
            assert apart > sum(body.reach for body in scene.bodies) - 0.15
