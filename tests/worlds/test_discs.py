"""Discs: closed form against symplectic Euler, conservation, and positions read off pixels."""

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
    centres, velocities = scene.motion(np.linspace(0, 3.1, 500))
    momentum = np.einsum("k,kfc->fc", mass, velocities)
    energy = np.einsum("k,kfc->f", mass, velocities**2)
    assert np.allclose(momentum, momentum[0]) and np.allclose(energy, energy[0])
    gap = np.linalg.norm(centres[1] - centres[0], axis=-1) - scene.radii.sum()
    assert gap.min() > -1e-9
    if split == "train":
        assert 0 < scene.contact < 2.0 and gap.min() < 0.1


@pytest.mark.parametrize("level", [1, 2, 3])
def test_ranges_of_the_splits(level):
    law = discs.LAWS[level - 1]
    for seed in range(40):
        inside, outside = (discs.sample_scene(seed, level, s) for s in ("train", "held_out"))
        speeds, radii = np.abs(inside.velocities[:, 0]), inside.radii
        assert ((speeds >= 1) & (speeds <= 4)).all()
        assert ((radii >= discs.RADIUS[law][0]) & (radii <= discs.RADIUS[law][1])).all()
        speeds, radii = np.abs(outside.velocities[:, 0]), outside.radii
        assert ((speeds <= 0.8) | (speeds >= 4.5)).all()
        assert ((radii <= 0.6) | (radii >= 1.5)).all()


def test_the_edges_leave_the_middle_speeds_out():
    for seed in range(20):
        speed = np.abs(discs.sample_scene(seed, level=1, split="edges").velocities[0, 0])
        assert 1 <= speed <= 1.25 or 3.75 <= speed <= 4


def test_truth_flow_masks_and_events():
    clip = discs.render([3], size=48, level=3, truth=True)[0]
    truth, step = clip.truth, np.diff(clip.truth.tracks["pixels"], axis=1)
    for index in range(2):
        mine = truth.masks[:-1] == index + 1
        frame = np.nonzero(mine)[0]
        assert mine.any()
        assert np.allclose(truth.flow_forward[mine], step[index][frame], atol=1e-4)
    assert (truth.flow_backward[truth.masks[1:] == 0] == 0).all()
    assert [event["kind"] for event in truth.events] == ["contact"]


def test_any_size_and_deterministic():
    clips = discs.render([1, 2], num_frames=3, size=(20, 30))
    assert clips[0].frames.shape == (3, 20, 30, 3)
    assert (clips[1].frames == discs.render([2], num_frames=3, size=(20, 30))[0].frames).all()
