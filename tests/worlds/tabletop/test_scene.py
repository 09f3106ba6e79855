"""Geometry of bodies and cameras against figures worked out by hand."""

import numpy as np
import pytest

from kinema.worlds.tabletop.motion import Height, Lane, solve
from kinema.worlds.tabletop.scene import (
    CAMERA_SECONDS,
    TARGET,
    Body,
    Camera,
    rotation_about,
    rotation_z,
)

RIGHT, AWAY = 0.0, np.pi / 2
ENDS = np.array([0.0, CAMERA_SECONDS])


def body(shape="ball", half=(0.5, 0.5, 0.5), heading=RIGHT, lying=False, **lane) -> Body:
    motion, turn = Lane(0.0, **lane), Lane(0.0)
    solve([motion])
    solve([turn])
    looks = {"color": "red", "material": "rubber", "size": "small", "pattern": "plain"}
    origin = np.array([1.0, 2.0])
    return Body(shape, **looks, half=half, lane=motion, height=Height(), turn=turn,
                origin=origin, heading=heading, lying=lying)  # fmt: skip


def test_a_quarter_turn_about_the_vertical_brings_right_to_away():
    turned = rotation_z(np.array([np.pi / 2]))[0] @ np.eye(3)
    assert np.allclose(turned, [[0, -1, 0], [1, 0, 0], [0, 0, 1]])


def test_rodrigues_agrees_with_the_vertical_and_keeps_its_axis():
    angles = np.linspace(-3, 3, 7)
    assert np.allclose(rotation_about(np.array([0.0, 0.0, 1.0]), angles), rotation_z(angles))
    axis = np.array([2.0, -1.0, 2.0]) / 3.0
    turns = rotation_about(axis, angles)
    assert np.allclose(turns @ axis, axis)
    assert np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(3))
    assert np.allclose(np.trace(turns, axis1=1, axis2=2), 1 + 2 * np.cos(angles))


@pytest.mark.parametrize(
    ("shape", "half", "lying", "rest_height", "reach"),
    [
        ("ball", (0.5, 0.5, 0.5), False, 0.5, 0.5),
        ("cube", (0.3, 0.3, 0.3), False, 0.3, 0.3 * 3**0.5),
        ("cylinder", (0.3, 0.3, 0.4), False, 0.4, 0.5),
        ("cylinder", (0.3, 0.3, 0.4), True, 0.3, 0.5),
        ("cone", (0.6, 0.6, 0.8), False, 0.8, 1.0),
    ],
)
def test_rest_and_reach_of_solids(shape, half, lying, rest_height, reach):
    solid = body(shape, half, lying=lying)
    assert (solid.rest_height, solid.reach) == (rest_height, pytest.approx(reach))


def test_a_rolling_ball_turns_by_its_way_over_its_radius():
    ball = body(heading=AWAY, speed=np.pi / 4, inertia=0.4, rolling=0.0)
    centers, turns = ball.poses(np.array([0.0, 1.0]))  # a quarter turn in the second
    assert np.allclose(centers, [[1.0, 2.0, 0.5], [1.0, 2.0 + np.pi / 4, 0.5]])
    assert np.allclose(turns[1] @ [0, 0, 1], [0, 1, 0])  # the top comes to lie ahead


def test_a_lying_cylinder_has_its_axis_across_its_way():
    _, turns = body("cylinder", (0.3, 0.3, 0.4), heading=AWAY, lying=True).poses(np.zeros(1))
    assert np.allclose(np.abs(turns[0] @ [0, 0, 1]), [1, 0, 0])
    assert np.linalg.det(turns[0]) == pytest.approx(1.0)


@pytest.mark.parametrize("move", ["still", "pans left", "circles right", "zooms in"])
def test_a_camera_looks_at_the_target_midway_and_keeps_its_distance(move):
    camera = Camera(move, 1.5 if "zooms" in move else 0.3, pitch=0.4, distance=7.5)
    origin, rotation, focal = camera.at(np.array([CAMERA_SECONDS / 2, 9.0]))
    assert np.allclose(rotation[0].T @ (TARGET - origin[0]), [0, 0, 7.5])
    assert np.allclose(np.linalg.norm(TARGET - origin, axis=1), 7.5)
    assert np.allclose(rotation @ rotation.transpose(0, 2, 1), np.eye(3))
    assert focal[0] == pytest.approx(camera.focal)


def test_each_move_changes_what_it_names_by_its_amount():
    def at(move, amount):
        return Camera(move, amount, pitch=0.4, distance=7.5).at(ENDS)

    def turned(rotation):
        return np.arccos((np.trace(rotation[0].T @ rotation[1]) - 1) / 2)

    origin, rotation, focal = at("pans right", 0.3)
    assert np.allclose(origin[0], origin[1]) and turned(rotation) == pytest.approx(0.3)
    assert rotation[1, 0, 2] > 0 > rotation[0, 0, 2]  # forward swings to the right
    origin, rotation, _ = at("circles right", 0.8)
    assert turned(rotation) == pytest.approx(0.8) and origin[1, 0] > 0 > origin[0, 0]
    _, rotation, focal = at("zooms in", 1.6)
    assert turned(rotation) == pytest.approx(0.0, abs=1e-6)
    assert focal[1] / focal[0] == pytest.approx(1.6)
