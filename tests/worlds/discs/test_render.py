"""Clips of discs: flow, masks and events agree with the motion."""

import numpy as np

from kinema.worlds import Rendering, discs


def test_truth_of_a_box():
    clip = discs.render([3], Rendering(num_frames=60, size=48, level=5, truth=True))[0]
    truth, step = clip.truth, np.diff(clip.truth.tracks["pixels"], axis=1)
    assert clip.caption == "a red disc bounces off the walls of a box"
    assert truth.tracks["in_view"].all()
    assert truth.tracks["in_view"].shape == (1, 60)
    turned = (np.diff(np.sign(truth.tracks["velocities"][0]), axis=0) != 0).any(1)
    assert [event["frame"] for event in truth.events] == (np.flatnonzero(turned) + 1).tolist()
    assert {event["kind"] for event in truth.events} == {"bounce"}
    mine = truth.masks[:-1] == 1
    assert np.allclose(truth.flow_forward[mine], step[0][np.nonzero(mine)[0]], atol=1e-4)


def test_truth_of_a_curtain():
    for seed, scene in [(k, discs.sample_scene(k, level=6)) for k in range(12)]:
        clip = discs.render([seed], Rendering(num_frames=60, size=48, level=6, truth=True))[0]
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


def test_truth_flow_masks_and_events():
    clip = discs.render([3], Rendering(32, size=48, level=3, truth=True))[0]
    truth, step = clip.truth, np.diff(clip.truth.tracks["pixels"], axis=1)
    for index in range(2):
        mine = truth.masks[:-1] == index + 1
        frame = np.nonzero(mine)[0]
        assert mine.any()
        assert np.allclose(truth.flow_forward[mine], step[index][frame], atol=1e-4)
    assert (truth.flow_backward[truth.masks[1:] == 0] == 0).all()
    assert [event["kind"] for event in truth.events] == ["contact"]


def test_any_size_and_deterministic():
    rendering = Rendering(num_frames=3, size=(20, 30))
    clips = discs.render([1, 2], rendering)
    assert clips[0].frames.shape == (3, 20, 30, 3)
    assert (clips[1].frames == discs.render([2], rendering)[0].frames).all()
