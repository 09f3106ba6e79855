"""Exact truth of a clip, from the rays through pixel centers: what is there, and where it goes.

The flow of a pixel is that of the surface point it shows: on a body the point moves with the body,
on the table and the backdrop it stays, and both are seen by the camera of the other frame. Whether
the point is still visible there plays no part.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kinema.metrics.evidence import true_runs
from kinema.worlds.tabletop.scene import Arrangement, Scene
from kinema.worlds.tabletop.shading import DOME_RADIUS
from kinema.worlds.tabletop.shapes import dot, interval
from kinema.worlds.tabletop.view import PixelWindow, View
from kinema.worlds.world import Truth

HIDDEN = 0.5  # a body counts as occluded while less than this share of its pixels is seen
FRAMES_AT_ONCE = 65_536  # pixels


@dataclass
class Glimpse:
    """What a body shows of itself inside its window."""

    window: PixelWindow
    shown: Tensor  # (f n) bool: the pixel shows the body
    local: Tensor  # (f 3 n), in the body's frame


@dataclass
class Hits:
    """First surfaces behind the pixels of f frames."""

    rows: Tensor  # (1 h*w)
    columns: Tensor  # (1 h*w)
    depth: Tensor  # (f h*w)
    masks: Tensor  # (f h*w) uint8
    fixed: Tensor  # (f 3 h*w) world points of table and backdrop, also behind bodies
    glimpses: dict[int, Glimpse]  # of the bodies in view, by number
    visible: Tensor  # (k f) share of each body's pixels in view that no other body hides


def scene_truth(scene: Scene, view: View, fps: float) -> Truth:
    """Collect everything that is known about a clip; see `Truth` and `docs/worlds.md`."""
    step = max(1, FRAMES_AT_ONCE // (view.height * view.width))
    last = view.num_frames - 1
    parts = []
    for start in range(0, view.num_frames, step):
        index = torch.arange(start, min(start + step, view.num_frames))
        here = view.frames(index)
        hits = first_hits(scene, here)
        ahead = surface_flow(scene, hits, view.frames((index + 1).clamp_max(last)))
        back = surface_flow(scene, hits, view.frames((index - 1).clamp_min(0)))
        parts.append((hits.depth, hits.masks, ahead, back, hits.visible.T))
    depth, masks, forward, backward, visible = (
        torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True)
    )
    size = (view.height, view.width)
    return Truth(
        flow_forward=forward[:-1].reshape(-1, *size, 2),
        flow_backward=backward[1:].reshape(-1, *size, 2),
        depth=depth.reshape(-1, *size),
        masks=masks.reshape(-1, *size),
        tracks=tracks(view, visible.T),
        cameras=cameras(view),
        events=scene_events(scene, visible.T, fps),
    )


def first_hits(scene: Arrangement, view: View) -> Hits:
    rows, columns = view.all_pixels()
    still = scene.camera.move == "still"
    fixed, depth = fixed_points(scene, view.frames(slice(0, 1)) if still else view, rows, columns)
    depth = depth.expand(view.num_frames, -1).clone()
    masks = torch.zeros_like(depth, dtype=torch.uint8)
    glimpses: dict[int, Glimpse] = {}
    for index, body in enumerate(scene.bodies):
        window = view.body_window(index, body)
        if window is None:
            continue
        origin, directions = view.to_body(index, view.rays(window.rows, window.columns))
        near, far = interval(body.shape, origin, directions, body.half)
        hit = (near < far) & (near > 0.0)
        glimpses[index] = Glimpse(window, hit, origin + directions * near[:, None])
        behind = depth.gather(1, window.index)
        first = hit & (near < behind)
        depth.scatter_(1, window.index, torch.where(first, near, behind))
        number = masks.gather(1, window.index).masked_fill(first, index + 1)
        masks.scatter_(1, window.index, number)
    visible = depth.new_ones(len(scene.bodies), view.num_frames)
    for index, glimpse in glimpses.items():
        covered = glimpse.shown.sum(1).clamp_min(1)
        glimpse.shown &= masks.gather(1, glimpse.window.index) == index + 1
        visible[index] = glimpse.shown.sum(1) / covered
    return Hits(rows, columns, depth, masks, fixed, glimpses, visible)


def fixed_points(
    scene: Arrangement, view: View, rows: Tensor, columns: Tensor
) -> tuple[Tensor, Tensor]:
    """Find world points (f 3 n) of table or backdrop behind pixels, and their depths (f n)."""
    directions = view.directions(rows, columns)
    point = view.on_table(directions)
    on_table = (point[:, 0].abs() < scene.stage.half_width) & (point[:, 1] < scene.stage.far_edge)
    origin = view.origin[:, :, None]
    a, b = dot(directions, directions), dot(directions, origin)
    dome = (-b + (b * b - a * (dot(origin, origin) - DOME_RADIUS**2)).sqrt()) / a
    down = directions[:, 2].clamp_max(-1e-3)
    depth = torch.where(on_table, -view.origin[:, 2:] / down, dome)
    return origin + directions * depth[:, None], depth


def surface_flow(scene: Scene, hits: Hits, target: View) -> Tensor:
    """Compute displacements (f h*w 2), pixels, from the frames of the hits to the target's."""
    flow = hits.depth.new_zeros(*hits.depth.shape, 2)
    if scene.camera.move != "still":
        columns, rows, _ = target.project(hits.fixed)
        flow = torch.stack((columns - hits.columns, rows - hits.rows), dim=2)
    for index, glimpse in hits.glimpses.items():
        moved = target.rotations[index] @ glimpse.local + target.centers[index][:, :, None]
        columns, rows, _ = target.project(moved)
        window, shown = glimpse.window, glimpse.shown
        step = torch.stack((columns - window.columns, rows - window.rows), dim=2)
        frame, _ = shown.nonzero(as_tuple=True)
        flow[frame, window.index[shown]] = step[shown]
    return flow


def tracks(view: View, visible: np.ndarray) -> dict[str, np.ndarray]:
    """Collect projected centers, 3-D poses and visible shares of the k bodies."""
    pixels = []
    for center in view.centers:
        columns, rows, _ = view.project(center[:, :, None])
        pixels.append(torch.cat((columns, rows), dim=1))
    return {
        "pixels": torch.stack(pixels).cpu().numpy(),  # (k f 2), column and row
        "positions": view.centers.cpu().numpy(),  # (k f 3)
        "rotations": view.rotations.cpu().numpy(),  # (k f 3 3), body -> world
        "visible": visible,  # (k f)
    }


def cameras(view: View) -> dict[str, np.ndarray]:
    """Describe OpenCV cameras: intrinsics (f 3 3), and camera -> world (f 4 4)."""
    focal = view.focal.cpu().numpy()
    intrinsics = np.zeros((len(focal), 3, 3), np.float32)
    intrinsics[:, 0, 0] = intrinsics[:, 1, 1] = focal
    intrinsics[:, 0, 2], intrinsics[:, 1, 2] = 0.5 * (view.width - 1), 0.5 * (view.height - 1)
    intrinsics[:, 2, 2] = 1.0
    poses = np.tile(np.eye(4, dtype=np.float32), (len(focal), 1, 1))
    poses[:, :3, :3], poses[:, :3, 3] = view.rotation.cpu().numpy(), view.origin.cpu().numpy()
    return {"intrinsics": intrinsics, "camera_to_world": poses}


def scene_events(scene: Scene, visible: np.ndarray, fps: float) -> list[dict]:
    """List contacts, bounces and occlusions within the clip, in order of time.

    `frame` is the first frame at or after the event, `time` its exact second.
    """
    num_frames = visible.shape[1]
    events: list[dict[str, Any]] = []
    for time in scene.contacts:
        events.append({"kind": "contact", "time": float(time), "objects": [0, 1]})
    for index, body in enumerate(scene.bodies):
        for time in body.height.bounces:
            events.append({"kind": "bounce", "time": float(time), "objects": [index]})
        for start, stop in true_runs(visible[index] < HIDDEN):
            others = [other for other in range(len(scene.bodies)) if other != index]
            events.append({
                "kind": "occlusion", "time": float(start / fps), "objects": [index, *others],
                "last_frame": stop - 1,
            })  # fmt: skip
    first: dict[tuple, dict] = {}  # of several alike in one frame
    for event in sorted(events, key=lambda event: event["time"]):
        event["frame"] = int(np.ceil(event["time"] * fps - 1e-9))
        first.setdefault((event["kind"], event["frame"], *event["objects"]), event)
    return [event for event in first.values() if event["frame"] < num_frames]
