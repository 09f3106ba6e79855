"""The parser on true clips (its floor) and on clips that break a law on purpose."""

import numpy as np
import pytest

from kinema.judges.discs import (
    is_one_disc,
    pace_error,
    read_curtain,
    read_disc,
    read_physics,
    read_scene,
    readable_frames,
)
from kinema.worlds import Rendering, discs


def clip_of(scene, size=32, num_frames=32):
    level = discs.LAWS[scene.law]
    return discs.render_scene(scene, Rendering(num_frames, (size, size), level, fps=10.0)).frames


def scenes(law, count=12, split="train"):
    return [discs.sample_scene(seed, discs.LAWS[law], split) for seed in range(count)]


@pytest.mark.parametrize("size, bound", [(32, 0.02), (64, 0.01)])
@pytest.mark.parametrize("law", discs.LAWS)
def test_centers_and_radii_can_be_read_off_the_pixels(size, bound, law):
    for scene in scenes(law, 6):
        centers, radii = read_scene(clip_of(scene, size), scene)
        whole = readable_frames(scene, 32, 0, 10.0)
        assert whole.any() or law == "curtain"
        assert np.abs(centers - scene.motion(np.arange(32) / 10)[0])[whole].max() < bound
        assert np.abs(radii - scene.radii[:, None])[whole].max() < 4 * bound


@pytest.mark.parametrize("size, bound", [(32, 0.010), (64, 0.005)])
@pytest.mark.parametrize("law", discs.LAWS)
def test_the_floor_on_true_clips(law, size, bound):
    """Collisions and curtains leave few frames to judge, and so the largest errors."""
    readings = [
        read_physics(clip_of(scene, size), scene)
        for scene in scenes(law, 24 if law == "curtain" else 12)
    ]
    readings = [reading for reading in readings if reading is not None]
    assert len(readings) > 8
    assert np.mean([r.velocity_error for r in readings]) < (1.5 if law == "curtain" else 1) * bound
    assert max(r.lost for r in readings) == 0
    if law == "collision":
        assert np.nanmean([r.momentum_error for r in readings]) < 0.01
        assert np.nanmean([r.energy_error for r in readings]) < 0.01
    if law == "parabola":
        assert np.nanmean([r.gravity_error for r in readings]) < 0.05


def test_a_frozen_clip_errs_by_the_speed():
    scene = scenes("uniform")[0]
    frames = clip_of(scene)
    frames[3:] = frames[2]
    assert read_physics(frames, scene).velocity_error == pytest.approx(
        scene.velocities[0, 0], abs=1e-6
    )


def test_a_lost_disc_has_no_velocity():
    scene = scenes("uniform")[1]
    frames = clip_of(scene)
    frames[3:] = 255
    reading = read_physics(frames, scene)
    assert reading.lost == 1 and np.isnan(reading.radius_error)
    assert reading.velocity_error == pytest.approx(scene.velocities[0, 0])


def test_another_scene_is_told_from_the_true_one():
    scene, other = scenes("parabola")[:2]
    wrong = discs.DiscScene("parabola", 1.3 * scene.radii, scene.positions, 0.5 * scene.velocities)
    reading = read_physics(clip_of(wrong), scene)
    assert reading.velocity_error == pytest.approx(0.5 * scene.velocities[0, 0], abs=0.02)
    assert reading.radius_error == pytest.approx(0.3 * scene.radii[0], abs=0.05)


def test_discs_that_pass_through_each_other_break_momentum():
    scene = next(s for s in scenes("collision") if abs(np.diff(s.radii)[0]) > 0.3)
    times = np.arange(32) / 10
    ghosts = scene.positions[:, None] + scene.velocities[:, None] * times[None, :, None]
    share = discs.coverage(ghosts, scene.radii, (32, 32))
    colors = np.array(list(discs.COLORS.values()), float)
    frames = 255 + np.einsum("kfhw,kc->fhwc", share, colors - 255)
    reading = read_physics(frames.clip(0, 255).astype(np.uint8), scene)
    assert reading is None or reading.velocity_error > 0.5


def test_only_new_whole_frames_after_the_contact_are_judged():
    scene = scenes("collision")[0]
    readable = readable_frames(scene, 32, given=3, fps=10.0)
    assert not readable[:, : int(np.ceil(scene.contact * 10))].any()
    assert not readable_frames(scenes("uniform")[0], 32, given=3, fps=10.0)[:, :3].any()


def test_a_clip_without_a_frame_to_judge_is_not_judged():
    scene = scenes("uniform")[0]
    assert read_physics(clip_of(scene, num_frames=4), scene) is None


# A closed box ------------------------------------------------------------------------------------


def test_in_a_box_a_frozen_or_lost_disc_errs_by_the_true_pace():
    scene = scenes("box")[0]
    places = scene.motion(np.arange(3, 32) / 10)[0][0]
    pace = np.linalg.norm(np.abs(np.diff(places, axis=0)).mean(0) * 10)
    assert pace == pytest.approx(np.linalg.norm(scene.velocities), rel=0.1)  # short at the walls
    for after in (clip_of(scene)[2], 255):
        frames = clip_of(scene)
        frames[3:] = after
        assert read_physics(frames, scene).velocity_error == pytest.approx(pace)


def test_a_box_mirrored_keeps_its_pace():
    for scene in scenes("box", 4):
        assert read_physics(clip_of(scene)[:, ::-1, ::-1], scene).velocity_error < 0.02


def test_the_pace_is_read_where_the_disc_is_seen():
    true = np.stack([np.arange(6.0), np.zeros(6)], -1)
    read = true * 2
    read[2] = np.nan
    assert pace_error(read, true, fps=10) == pytest.approx(10)
    read[::2] = np.nan  # never in two neighboring frames
    assert pace_error(read, true, fps=10) == pytest.approx(10)


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_one_whole_red_disc_is_told_from_everything_else(split):
    for scene in scenes("box", 6, split):
        true = clip_of(scene, 64)
        assert is_one_disc(true).all()
        centers = scene.motion(np.arange(32) / 10)[0][0]
        half, two = true.copy(), np.minimum(true, np.roll(true, 32, axis=2))
        for frame, center in zip(half, centers, strict=True):
            frame[:, np.linspace(0, 10, 64) > center[0]] = 255
        for wrong in (half, two, true[..., ::-1], np.full_like(true, 255), 255 - true):
            assert not is_one_disc(wrong).any()


# A curtain ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_a_whole_disc_of_any_color_is_read_to_thousandths_of_a_unit(split):
    found = set()
    for scene in scenes("curtain", 24, split):
        seen = read_disc(clip_of(scene, 64), scene.curtain)
        (centers,) = scene.motion(np.arange(32) / 10)[0]
        in_sight = scene.visible(centers[None])[0] == 1
        assert seen.whole[in_sight].all() and (seen.colors[in_sight] == scene.color).all()
        assert np.abs(seen.centers - centers)[in_sight].max(initial=0) < 0.01
        assert np.abs(seen.radii - scene.radii[0])[in_sight].max(initial=0) < 0.008
        found |= set(seen.colors[in_sight])
    assert found == set(discs.PALETTE)


@pytest.mark.parametrize("size", [32, 64])
def test_a_part_of_a_disc_is_not_taken_for_the_whole(size):
    parts = 0
    for scene in scenes("curtain", 30):
        seen = read_disc(clip_of(scene, size), scene.curtain)
        visible = scene.visible(scene.motion(np.arange(32) / 10)[0])[0]
        right = seen.whole & (np.abs(seen.radii - scene.radii[0]) <= 0.2 * scene.radii[0])
        assert not right[visible < 0.9].any()
        assert not seen.clear[(visible > 0.3) & (visible < 0.9)].any()
        assert np.nan_to_num(seen.radii[visible == 0]).max(initial=0) < 0.5  # of a soft edge
        parts += ((visible > 0) & (visible < 0.9)).sum()
    assert parts > 50


def test_two_discs_or_a_faded_one_are_not_a_whole_disc():
    scene = next(s for s in scenes("curtain", 30) if s.curtain is None)
    true = clip_of(scene, 64)
    two = np.minimum(true, np.roll(true, 32, axis=2))
    faded = 255 - (255 - true) // 2
    assert read_disc(true).whole.all()
    for wrong in (two, faded, np.full_like(true, 255), np.full_like(true, 150)):
        assert not read_disc(wrong).whole.any()


def test_a_curtain_is_read_off_the_pixels():
    for scene in scenes("curtain", 12):
        read = read_curtain(clip_of(scene, num_frames=3))
        assert (read is None) == (scene.curtain is None)
        assert read is None or np.allclose(read, scene.curtain, atol=0.01)


def test_only_frames_and_clips_that_show_the_whole_disc_are_judged():
    for scene in scenes("curtain", 20):
        visible = scene.visible(scene.motion(np.arange(32) / 10)[0])
        readable = readable_frames(scene, 32, 3, 10.0)
        assert not readable[visible < 1].any()
        assert readable.any() <= (visible[:, :3] == 1).all()


def test_a_disc_of_another_color_is_a_lost_one():
    scene = next(s for s in scenes("curtain", 30) if s.curtain and read_physics(clip_of(s), s))
    other = next(name for name in discs.PALETTE if name != scene.color)
    painted = discs.DiscScene(
        "curtain", scene.radii, scene.positions, scene.velocities, other, scene.curtain
    )
    assert read_physics(clip_of(painted), scene).lost == 1
