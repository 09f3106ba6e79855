"""The truth against itself: depth, cameras and poses give the flow again, and the pictures do."""

import cv2
import numpy as np
import pytest

from kinema.worlds import Rendering
from kinema.worlds.tabletop import render, sample_scene
from kinema.worlds.tabletop.shading import DOME_RADIUS

SEEDS = [0, 1, 5, 8]


def world_points(truth, frame: int) -> np.ndarray:
    """World points (h w 3) behind the pixels of a frame, from depth and camera alone."""
    depth = truth.depth[frame].astype(float)
    rows, columns = np.indices(depth.shape)
    pixels = np.stack((columns, rows, np.ones_like(rows)), axis=-1) * depth[..., None]
    pose = truth.cameras["camera_to_world"][frame].astype(float)
    rays = pixels @ np.linalg.inv(truth.cameras["intrinsics"][frame].astype(float)).T
    return rays @ pose[:3, :3].T + pose[:3, 3]


def landing(truth, frame: int, other: int) -> np.ndarray:
    """Where the surface points of a frame are in the picture of another, (h w 2)."""
    points = world_points(truth, frame)
    tracks, mask = truth.tracks, truth.masks[frame]
    for index in range(len(tracks["positions"])):
        turn = tracks["rotations"][index, other] @ tracks["rotations"][index, frame].T
        moved = (points - tracks["positions"][index, frame]) @ turn.T
        mine = (mask == index + 1)[..., None]
        points = np.where(mine, moved + tracks["positions"][index, other], points)
    pose = truth.cameras["camera_to_world"][other].astype(float)
    local = (points - pose[:3, 3]) @ pose[:3, :3]
    image = local @ truth.cameras["intrinsics"][other].astype(float).T
    return image[..., :2] / image[..., 2:]


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_flow_follows_from_depth_cameras_and_poses(level):
    for clip in render(SEEDS, Rendering(6, (40, 48), level, truth=True)):
        truth = clip.truth
        columns, rows = np.meshgrid(np.arange(48), np.arange(40))
        here = np.stack((columns, rows), axis=-1)
        for i in range(5):
            ahead, back = landing(truth, i, i + 1) - here, landing(truth, i + 1, i) - here
            assert np.abs(ahead - truth.flow_forward[i]).max() < 0.01
            assert np.abs(back - truth.flow_backward[i]).max() < 0.01


@pytest.mark.parametrize("level", [2, 4])
def test_depth_agrees_with_masks(level):
    """Behind mask 0 lie table or backdrop, behind mask k the surface of body k."""
    for seed, clip in zip(SEEDS, render(SEEDS, Rendering(4, 48, level, truth=True)), strict=True):
        bodies = sample_scene(seed, level).bodies
        for frame in range(4):
            points, mask = world_points(clip.truth, frame), clip.truth.masks[frame]
            free = points[mask == 0]
            on_dome = np.abs(np.linalg.norm(free, axis=-1) - DOME_RADIUS) < 1e-2
            assert (on_dome | (np.abs(free[:, 2]) < 1e-3)).all()
            for index, body in enumerate(bodies):
                center = clip.truth.tracks["positions"][index, frame]
                turn = clip.truth.tracks["rotations"][index, frame]
                local = (points[mask == index + 1] - center) @ turn
                share = np.abs(local) / np.array(body.half)
                assert (share < 1.001).all()
                if body.shape == "ball" and len(local):
                    assert np.allclose(np.linalg.norm(local, axis=-1), body.half[0], atol=1e-3)


@pytest.mark.parametrize("level", [1, 4])
def test_warping_by_the_flow_brings_back_the_frame(level):
    """For sliding bodies, whose light stays the same while they move."""
    warped_error, plain_error = [], []
    slides = [s for s in range(60) if sample_scene(s, level).attributes.action == "slides"]
    for clip in render(slides[:6], Rendering(6, 64, level, truth=True)):
        frames, truth = clip.frames.astype(np.float32), clip.truth
        rows, columns = np.indices((64, 64), dtype=np.float32)
        for i in range(5):
            flow = truth.flow_forward[i]
            x, y = columns + flow[..., 0], rows + flow[..., 1]
            warped = cv2.remap(frames[i + 1], x, y, cv2.INTER_LINEAR)
            back = cv2.remap(truth.flow_backward[i], x, y, cv2.INTER_LINEAR)
            seen = np.abs(back + flow).max(-1) < 0.1  # visible in both, away from outlines
            moving = seen & (np.abs(flow).max(-1) > 0.5)
            inside = (x >= 0) & (x <= 63) & (y >= 0) & (y <= 63)
            warped_error.append(np.abs(warped - frames[i])[moving & inside].mean())
            plain_error.append(np.abs(frames[i + 1] - frames[i])[moving & inside].mean())
    assert np.nanmean(warped_error) < min(4.0, 0.5 * np.nanmean(plain_error))


def test_nothing_moves_where_nothing_moves():
    """Under a still camera the flow is exactly zero on table, backdrop and resting bodies."""
    for clip in render([0, 2, 3], Rendering(5, 32, level=2, truth=True)):
        fixed = clip.truth.masks[:-1] == 0
        assert (clip.truth.flow_forward[fixed] == 0).all()
        if clip.attributes["second"] and not clip.attributes["second"]["action"]:
            resting = clip.truth.masks[:-1] == 2
            if clip.attributes["relation"] != "into":
                assert np.abs(clip.truth.flow_forward[resting]).max(initial=0) < 1e-3


def test_tracks_are_the_projected_centers():
    truth = render([6], Rendering(5, 64, level=3, truth=True))[0].truth
    pose, position = truth.cameras["camera_to_world"], truth.tracks["positions"][0]
    local = np.einsum("fji,fj->fi", pose[:, :3, :3], position - pose[:, :3, 3])
    image = np.einsum("fij,fj->fi", truth.cameras["intrinsics"], local)
    assert np.allclose(image[:, :2] / image[:, 2:], truth.tracks["pixels"][0], atol=1e-2)


def test_events_tell_bounces_contacts_and_occlusions():
    kinds = {"bounces": "bounce", "falls": "bounce", "into": "contact", "behind": "occlusion"}
    found = dict.fromkeys(kinds, 0)
    for seed in range(40):
        attributes = sample_scene(seed, 2).attributes
        names = [n for n in (attributes.action, attributes.relation) if n in kinds]
        if not names or all(found[n] >= 2 for n in names):
            continue
        truth = render([seed], Rendering(33, 32, level=2, truth=True))[0].truth
        seen = {event["kind"] for event in truth.events}
        for name in names:
            found[name] += kinds[name] in seen
            if name != "behind":  # a slow subject may not get behind within the clip
                assert kinds[name] in seen
        for event in truth.events:
            assert 0 <= event["frame"] < 33 and event["time"] <= event["frame"] / 16 + 1e-9
            if event["kind"] == "occlusion":
                body = event["objects"][0]
                assert truth.tracks["visible"][body, event["frame"]] < 0.5
    assert all(found.values()), found
