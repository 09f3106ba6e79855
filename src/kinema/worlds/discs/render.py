"""Scenes of discs as clips: frames, captions, and exact truth (flow, masks, tracks, events)."""

from collections.abc import Sequence

import numpy as np

from kinema.worlds.discs.drawing import EXTENT, coverage, curtain_cover, painted
from kinema.worlds.discs.sampling import sample_scene
from kinema.worlds.discs.scene import BOXES, DiscScene
from kinema.worlds.world import Rendering, Truth, WorldClip

LEVELS = range(1, 7)
FPS = 10.0  # of the published world


def render(seeds: Sequence[int], rendering: Rendering = Rendering()) -> list[WorldClip]:
    """Render one clip a seed; exact truth on request: flow, masks, tracks, the contact or bounces.

    `sample_scene` says what the levels and splits are.
    """
    return [
        render_scene(sample_scene(seed, rendering.level, rendering.split), rendering)
        for seed in seeds
    ]


def render_scene(scene: DiscScene, rendering: Rendering) -> WorldClip:
    """Render one scene; the rendering's level is only noted, its split is not read."""
    fps, size = rendering.fps or FPS, rendering.height_width
    centers, velocities = scene.motion(np.arange(rendering.num_frames) / fps)
    share = coverage(centers, scene.radii, size)  # (k f h w)
    attributes = {
        "level": rendering.level,
        "law": scene.law,
        "radii": scene.radii.tolist(),
        "speeds": np.linalg.norm(scene.velocities, axis=1).tolist(),
    }
    if scene.law == "curtain":
        attributes |= {"color": scene.color, "curtain": scene.curtain and list(scene.curtain)}
    return WorldClip(
        frames=painted(share, scene.inks, scene.curtain),
        fps=fps,
        caption=caption(scene),
        attributes=attributes,
        truth=scene_truth(scene, rendering, share) if rendering.truth else None,
    )


def caption(scene: DiscScene) -> str:
    """Say in words what a scene shows."""
    if scene.law in BOXES:
        behind = "" if scene.curtain is None else " and passes behind a grey curtain"
        return f"a {scene.color} disc bounces off the walls of a box{behind}"
    if scene.law == "collision":
        return "a red disc and a blue disc collide"
    if scene.law == "parabola":
        return "a red disc falls to the right along a parabola"
    return "a red disc moves to the right at constant speed"


def scene_truth(scene: DiscScene, rendering: Rendering, share: np.ndarray) -> Truth:
    """Collect everything that is known about a scene; `share` (k f h w) is of `coverage`."""
    fps = rendering.fps or FPS
    centers, velocities = scene.motion(np.arange(rendering.num_frames) / fps)
    height, width = rendering.height_width
    scale = np.array([(width - 1) / EXTENT, -(height - 1) / EXTENT])
    pixels = centers * scale + np.array([0.0, height - 1.0])  # column, row
    masks = np.zeros(share.shape[1:], np.uint8)
    for index, disc in enumerate(share):
        masks[disc >= 0.5] = index + 1
    if scene.curtain is not None:
        masks[..., curtain_cover(scene.curtain, width) >= 0.5] = len(share) + 1
    edge = scene.radii[:, None, None]
    tracks = {
        "pixels": pixels,
        "positions": centers,
        "velocities": velocities,
        "in_view": ((centers >= edge) & (centers <= EXTENT - edge)).all(-1),
    }
    if scene.law == "curtain":
        tracks["visible"] = scene.visible(centers)
    forward, backward = disc_flow(masks, pixels)
    events = scene_events(scene, rendering.num_frames - 1, fps)
    return Truth(forward, backward, masks=masks, tracks=tracks, events=events)


def disc_flow(masks: np.ndarray, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute both flows (f-1 h w 2) of discs with masks (f h w) at pixels (k f 2)."""
    steps = np.diff(pixels, axis=1).astype(np.float32)  # (k f-1 2)
    forward = np.zeros((*masks[:-1].shape, 2), np.float32)
    backward = np.zeros_like(forward)
    for index, step in enumerate(steps):
        forward += (masks[:-1] == index + 1)[..., None] * step[:, None, None]
        backward -= (masks[1:] == index + 1)[..., None] * step[:, None, None]
    return forward, backward


def scene_events(scene: DiscScene, last: int, fps: float) -> list[dict]:
    """List the contact, or bounces and hidings, up to the last frame, in order of time."""
    events = scene.bounces(last / fps) + scene.hidings(last / fps)
    if scene.contact * fps <= last:
        events = [{"kind": "contact", "time": scene.contact, "objects": [0, 1]}]
    return [
        {"kind": event["kind"], "frame": int(np.ceil(event["time"] * fps)), **event}
        for event in sorted(events, key=lambda event: event["time"])
    ]
