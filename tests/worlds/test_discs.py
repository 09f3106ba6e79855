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


def boxes(count=8, split="train"):
    return [discs.sample_scene(seed, level=5, split=split) for seed in range(count)]


def walled(scene, seconds):
    """The centre and velocity of a box's disc, moved from wall to wall; and when it touched."""
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
        centres, velocities = scene.motion(np.array([99.9]))
        place, velocity, touches = walled(scene, 99.9)
        assert np.allclose(centres[0, 0], place, atol=1e-9)
        assert np.allclose(velocities[0, 0], velocity)
        assert np.allclose([event["time"] for event in scene.bounces(99.9)], touches)


def test_a_box_keeps_its_disc_inside_and_its_energy():
    times = np.linspace(0, 1000, 20_001)
    for scene in boxes():
        centres, velocities = scene.motion(times)
        energy = (velocities**2).sum(-1)
        edge = scene.radii[0]
        assert centres.min() >= edge and centres.max() <= discs.EXTENT - edge
        assert np.allclose(energy, energy[0, 0], rtol=1e-12)
        assert len(scene.bounces(1000)) > 100


def test_mirrored_boxes_move_mirrored_and_back_in_time():
    for scene in boxes():
        centres, velocities = scene.motion(TIMES)
        other = discs.DiscScene("box", scene.radii, 10 - scene.positions, -scene.velocities)
        mirrored = other.motion(TIMES)
        assert np.allclose(mirrored[0], 10 - centres) and np.allclose(mirrored[1], -velocities)
        back = discs.DiscScene("box", scene.radii, centres[:, -1], -velocities[:, -1])
        assert np.allclose(back.motion(TIMES)[0][:, ::-1], centres)


def test_until_its_first_wall_a_box_is_uniform_motion():
    for scene in boxes():
        first = scene.bounces(100)[0]["time"]
        free = discs.DiscScene("uniform", scene.radii, scene.positions, scene.velocities)
        before, at = np.linspace(0, 0.999 * first, 50), np.array([first])
        assert np.allclose(scene.motion(before), free.motion(before))
        edge, centre = scene.radii[0], scene.motion(at)[0]
        assert np.abs(np.stack((centre - edge, 10 - edge - centre))).min() < 1e-9


def test_truth_of_a_box():
    clip = discs.render([3], num_frames=60, size=48, level=5, truth=True)[0]
    truth, step = clip.truth, np.diff(clip.truth.tracks["pixels"], axis=1)
    assert clip.caption == "a red disc bounces off the walls of a box"
    assert truth.tracks["in_view"].all()
    assert truth.tracks["in_view"].shape == (1, 60)
    turned = (np.diff(np.sign(truth.tracks["velocities"][0]), axis=0) != 0).any(1)
    assert [event["frame"] for event in truth.events] == (np.flatnonzero(turned) + 1).tolist()
    assert {event["kind"] for event in truth.events} == {"bounce"}
    mine = truth.masks[:-1] == 1
    assert np.allclose(truth.flow_forward[mine], step[0][np.nonzero(mine)[0]], atol=1e-4)


# A curtain ---------------------------------------------------------------------------------------


def curtained(count=30, split="train"):
    scenes = (discs.sample_scene(seed, level=6, split=split) for seed in range(3 * count))
    return [scene for scene in scenes if scene.curtain is not None][:count]


def test_a_third_has_no_curtain_and_every_colour_is_drawn():
    scenes = [discs.sample_scene(seed, level=6) for seed in range(600)]
    assert 0.28 < np.mean([scene.curtain is None for scene in scenes]) < 0.39
    counts = [sum(scene.color == name for scene in scenes) for name in discs.PALETTE]
    assert len(counts) >= 5 and min(counts) > 60 and next(iter(discs.PALETTE)) == "red"


def test_colours_lie_far_apart():
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


def test_what_is_visible_is_what_pixels_show():
    for scene in curtained(8):
        centres = scene.motion(TIMES)[0]
        share = discs.coverage(centres, scene.radii, (200, 200))
        beside = 1.0 - discs.curtain_cover(scene.curtain, 200)
        shown = (share * beside).sum((2, 3)) / share.sum((2, 3))
        assert np.abs(scene.visible(centres) - shown).max() < 0.01
    assert (discs.sample_scene(0, level=5).visible(centres) == 1).all()


def test_truth_of_a_curtain():
    for seed, scene in [(k, discs.sample_scene(k, level=6)) for k in range(12)]:
        clip = discs.render([seed], num_frames=60, size=48, level=6, truth=True)[0]
        truth, visible = clip.truth, clip.truth.tracks["visible"][0]
        assert clip.caption.startswith(f"a {scene.color} disc")
        assert ("curtain" in clip.caption) == (scene.curtain is not None)
        assert clip.attributes["color"] == scene.color
        assert (2 in truth.masks) == (scene.curtain is not None)
        assert not (truth.masks[visible == 0] == 1).any()
        mine, step = truth.masks[:-1] == 1, np.diff(truth.tracks["pixels"], axis=1)[0]
        assert np.allclose(truth.flow_forward[mine], step[np.nonzero(mine)[0]], atol=1e-4)
        assert (truth.flow_forward[truth.masks[:-1] == 2] == 0).all()
        change = np.flatnonzero(np.diff((visible == 0).astype(int))) + 1
        told = [event for event in truth.events if event["kind"] in ("hidden", "seen")]
        assert [event["frame"] for event in told] == change.tolist()
        assert all((visible[e["frame"]] == 0) == (e["kind"] == "hidden") for e in told)
        assert truth.events == sorted(truth.events, key=lambda event: event["time"])


@pytest.mark.parametrize("law", discs.LAWS)
def test_ranges_of_the_splits(law):
    level = discs.LEVELS[law]
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
