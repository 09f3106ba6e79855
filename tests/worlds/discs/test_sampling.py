"""Scenes of discs: ranges of the splits, and a curtain that leaves its disc in sight."""

import numpy as np
import pytest

from kinema.worlds import discs


def curtained(count=30, split="train"):
    scenes = (discs.sample_scene(seed, level=6, split=split) for seed in range(3 * count))
    return [scene for scene in scenes if scene.curtain is not None][:count]


def test_a_third_has_no_curtain_and_every_color_is_drawn():
    scenes = [discs.sample_scene(seed, level=6) for seed in range(600)]
    assert 0.28 < np.mean([scene.curtain is None for scene in scenes]) < 0.39
    counts = [sum(scene.color == name for scene in scenes) for name in discs.PALETTE]
    assert len(counts) >= 5 and min(counts) > 60 and next(iter(discs.PALETTE)) == "red"


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_a_curtain_hides_the_disc_for_so_long_and_leaves_it_in_sight(split):
    for scene in curtained(split=split):
        left, right = scene.curtain
        beside = max(left, 10 - right) - 2 * scene.radii[0]
        assert beside * 2 >= 0.99 * discs.SEEN * abs(scene.velocities[0, 0])
        events = scene.hidings(200)
        pairs = [(a, b) for a, b in zip(events, events[1:], strict=False) if a["kind"] == "hidden"]
        assert all(later["kind"] == "seen" for _, later in pairs)
        spans = [b["time"] - a["time"] for a, b in pairs]
        if split == "train":
            assert spans and min(spans) >= 0.4 and max(spans) <= 4.0
            assert abs(scene.velocities[0, 1]) <= np.tan(discs.STEEPEST) * 1.001 * abs(
                scene.velocities[0, 0]
            )


@pytest.mark.parametrize("law", discs.LAWS)
def test_ranges_of_the_splits(law):
    level = discs.LAWS[law]
    for seed in range(40):
        inside, outside = (discs.sample_scene(seed, level, s) for s in ("train", "held_out"))
        speeds, radii = np.linalg.norm(inside.velocities, axis=1), inside.radii
        assert inside.law == outside.law == law
        assert ((speeds >= 1) & (speeds <= 4)).all()
        assert ((radii >= discs.RADIUS[law][0]) & (radii <= discs.RADIUS[law][1])).all()
        speeds, radii = np.linalg.norm(outside.velocities, axis=1), outside.radii
        assert ((speeds <= 0.8) | (speeds >= 4.5)).all()
        assert ((radii <= 0.6) | (radii >= 1.5)).all()


def test_the_fourth_level_draws_what_it_always_drew():
    laws = [discs.sample_scene(seed, level=discs.MIXED).law for seed in range(12)]
    assert "".join(law[0] for law in laws) == "ppcupcuppcup"


def test_swift_scenes_are_those_of_training_with_more_fast_discs():
    def fastest(split):
        scenes = [discs.sample_scene(seed, level=3, split=split) for seed in range(400)]
        assert all((np.abs(scene.velocities[:, 0]) <= 4).all() for scene in scenes)
        return np.array([np.abs(scene.velocities_after()[:, 0]).max() for scene in scenes])

    assert (fastest("swift") > 7).mean() > 3 * (fastest("train") > 7).mean()
    assert 1 <= abs(discs.sample_scene(3, level=1, split="swift").velocities[0, 0]) <= 4


def test_the_edges_leave_the_middle_speeds_out():
    for seed in range(20):
        speed = np.abs(discs.sample_scene(seed, level=1, split="edges").velocities[0, 0])
        assert 1 <= speed <= 1.25 or 3.75 <= speed <= 4
