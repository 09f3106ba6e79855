"""Discs: closed form against symplectic Euler, walls and conservation laws."""

import numpy as np
import pytest

from kinema.worlds import discs

TIMES = np.arange(32) / 10


@pytest.mark.parametrize("seed", range(5))
def test_parabola_agrees_with_symplectic_euler(seed):
    """100 Hz, velocity first: behind the exact fall by g dt^2 / 2 a step."""
    scene = discs.sample_scene(seed, level=2)
    (x, y), (vx, vy) = scene.positions[0], scene.velocities[0]
    path = [(x, y)]
    for _ in range(310):
        vy -= discs.GRAVITY * 0.01
        x, y = x + vx * 0.01, y + vy * 0.01
        path.append((x, y))
    exact = scene.motion(TIMES)[0][0]
    lag = 0.5 * discs.GRAVITY * 0.01 * TIMES  # g 1e-4 k(k+1)/2 is g t^2/2 + g t dt/2
    assert np.allclose(np.array(path)[::10], exact - np.stack((0 * lag, lag), -1), atol=1e-9)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("split", ["train", "held_out"])
def test_collisions_keep_momentum_and_energy_and_never_overlap(seed, split):
    scene = discs.sample_scene(seed, level=3, split=split)
    mass = scene.radii**2
    centers, velocities = scene.motion(np.linspace(0, 3.1, 500))
    momentum = np.einsum("k,kfc->fc", mass, velocities)
    energy = np.einsum("k,kfc->f", mass, velocities**2)
    assert np.allclose(momentum, momentum[0]) and np.allclose(energy, energy[0])
    gap = np.linalg.norm(centers[1] - centers[0], axis=-1) - scene.radii.sum()
    assert gap.min() > -1e-9
    if split == "train":
        assert 0 < scene.contact < 2.0 and gap.min() < 0.1


def boxes(count=8, split="train"):
    return [discs.sample_scene(seed, level=5, split=split) for seed in range(count)]


def walled(scene, seconds):
    """The center and velocity of a box's disc, moved from wall to wall; and when it touched."""
    place, velocity, left = scene.positions[0].copy(), scene.velocities[0].copy(), seconds
    low, high, touches = scene.radii[0], discs.EXTENT - scene.radii[0], []
    while True:
        until = np.where(velocity > 0, high - place, low - place) / velocity
        axis = int(until.argmin())
        if until[axis] > left:
            return place + left * velocity, velocity, touches
        place, left = place + until[axis] * velocity, left - until[axis]
        velocity[axis] *= -1
        touches.append(seconds - left)


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_a_box_agrees_with_going_from_wall_to_wall(split):
    for scene in boxes(split=split):
        centers, velocities = scene.motion(np.array([99.9]))
        place, velocity, touches = walled(scene, 99.9)
        assert np.allclose(centers[0, 0], place, atol=1e-9)
        assert np.allclose(velocities[0, 0], velocity)
        assert np.allclose([event["time"] for event in scene.bounces(99.9)], touches)


def test_a_box_keeps_its_disc_inside_and_its_energy():
    times = np.linspace(0, 1000, 20_001)
    for scene in boxes():
        centers, velocities = scene.motion(times)
        energy = (velocities**2).sum(-1)
        edge = scene.radii[0]
        assert centers.min() >= edge and centers.max() <= discs.EXTENT - edge
        assert np.allclose(energy, energy[0, 0], rtol=1e-12)
        assert len(scene.bounces(1000)) > 100


def test_mirrored_boxes_move_mirrored_and_back_in_time():
    for scene in boxes():
        centers, velocities = scene.motion(TIMES)
        other = discs.DiscScene("box", scene.radii, 10 - scene.positions, -scene.velocities)
        mirrored = other.motion(TIMES)
        assert np.allclose(mirrored[0], 10 - centers) and np.allclose(mirrored[1], -velocities)
        back = discs.DiscScene("box", scene.radii, centers[:, -1], -velocities[:, -1])
        assert np.allclose(back.motion(TIMES)[0][:, ::-1], centers)


def test_until_its_first_wall_a_box_is_uniform_motion():
    for scene in boxes():
        first = scene.bounces(100)[0]["time"]
        free = discs.DiscScene("uniform", scene.radii, scene.positions, scene.velocities)
        before, at = np.linspace(0, 0.999 * first, 50), np.array([first])
        assert np.allclose(scene.motion(before), free.motion(before))
        edge, center = scene.radii[0], scene.motion(at)[0]
        assert np.abs(np.stack((center - edge, 10 - edge - center))).min() < 1e-9


def curtained(count=30, split="train"):
    scenes = (discs.sample_scene(seed, level=6, split=split) for seed in range(3 * count))
    return [scene for scene in scenes if scene.curtain is not None][:count]


def test_colors_lie_far_apart():
    inks = 255.0 - np.array(list(discs.PALETTE.values()))
    directions = inks / np.linalg.norm(inks, axis=1)[:, None]
    angles = np.degrees(np.arccos(np.clip(directions @ directions.T, -1, 1)))
    assert angles[~np.eye(len(inks), dtype=bool)].min() > 25


def test_behind_its_curtain_a_disc_moves_as_in_the_plain_box():
    for scene in curtained(6):
        plain = discs.DiscScene("box", scene.radii, scene.positions, scene.velocities)
        for one, other in zip(scene.motion(TIMES), plain.motion(TIMES), strict=True):
            assert (one == other).all()
        assert scene.bounces(50) == plain.bounces(50)


def test_what_is_visible_is_what_pixels_show():
    for scene in curtained(8):
        centers = scene.motion(TIMES)[0]
        share = discs.coverage(centers, scene.radii, (200, 200))
        beside = 1.0 - discs.curtain_cover(scene.curtain, 200)
        shown = (share * beside).sum((2, 3)) / share.sum((2, 3))
        assert np.abs(scene.visible(centers) - shown).max() < 0.01
    assert (discs.sample_scene(0, level=5).visible(centers) == 1).all()
