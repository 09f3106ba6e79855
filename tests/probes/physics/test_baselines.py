import numpy as np
import pytest

from kinema.judges.discs import read_physics
from kinema.probes.physics.baselines import (
    at_mean_velocity,
    bouncing_on,
    frozen,
    mean_velocities,
    nearest_clip,
    passing_on,
    straight_on,
)
from kinema.training.sources import DiscClips
from kinema.worlds import discs

DATA = DiscClips("uniform", num_frames=16, num_clips=40)
SCENES = [discs.sample_scene(seed, 1) for seed in range(6)]


@pytest.fixture(scope="module")
def true():
    return DATA.make(list(range(6)))[0]["frames"].numpy()


def errors(clips):
    return np.array([read_physics(f, s).velocity_error for f, s in zip(clips, SCENES, strict=True)])


def test_every_baseline_begins_with_the_given_frames(true):
    given = true[:, :3]
    mean = mean_velocities(DATA)
    for clips in (
        frozen(given, 16),
        straight_on(given, 16),
        at_mean_velocity(given, 16, mean),
        nearest_clip(given, 16, DATA),
    ):
        assert clips.shape == true.shape and clips.dtype == np.uint8
        assert (clips[:, :3] == given).all()


def test_straight_on_is_right_about_uniform_motion(true):
    assert errors(straight_on(true[:, :3], 16)).max() < 0.1


def test_a_frozen_clip_errs_by_the_speed(true):
    speeds = [scene.velocities[0, 0] for scene in SCENES]
    assert errors(frozen(true[:, :3], 16)) == pytest.approx(speeds, abs=1e-6)


def test_the_mean_velocity_is_that_of_the_training_set(true):
    (mean,) = mean_velocities(DiscClips("uniform", num_clips=1_000))
    assert mean == pytest.approx([0.25, 0], abs=0.01)  # units a frame; training draws from 1 to 4
    off = [abs(2.5 - scene.velocities[0, 0]) for scene in SCENES]
    assert errors(at_mean_velocity(true[:, :3], 16, np.array([[0.25, 0]]))) == pytest.approx(
        off, abs=0.05
    )


def test_the_nearest_of_its_own_training_clips_is_itself(true):
    assert (nearest_clip(true[:, :3], 16, DATA) == true).all()


def test_passing_on_knows_the_color_the_walls_and_the_curtain():
    data = DiscClips("curtain", num_frames=32, size=64)
    true = data.make(list(range(40)))[0]["frames"].numpy()
    scenes = [discs.sample_scene(seed, data.level) for seed in range(40)]
    made = passing_on(true[:, :3], 32)
    readings = [read_physics(clip, scene) for clip, scene in zip(made, scenes, strict=True)]
    assert sum(reading is not None for reading in readings) > 12
    assert max(r.velocity_error for r in readings if r) < 0.15
    assert max(r.lost for r in readings if r) < 0.2
    hidden = [
        k for k, s in enumerate(scenes) if s.visible(s.motion(np.arange(3) / 10)[0]).max() == 0
    ]
    assert hidden and (made[hidden] == true[hidden, :1]).all()  # nothing comes out


def test_bouncing_on_knows_the_walls_even_among_the_given_frames():
    data = DiscClips("box", num_frames=32, size=64)
    seeds = [s for s in range(150) if discs.sample_scene(s, data.level).bounces(0.2)]
    assert len(seeds) > 5
    scenes = [discs.sample_scene(seed, data.level) for seed in seeds]
    true = data.make(seeds)[0]["frames"].numpy()
    for given in (true[:, :3], true[:, :4]):
        for scene, clip in zip(scenes, bouncing_on(given, 32), strict=True):
            assert read_physics(clip, scene).velocity_error < 0.1
    blind = [read_physics(c, s) for c, s in zip(straight_on(true[:, :3], 32), scenes, strict=True)]
    assert max(reading.lost for reading in blind) > 0.3
