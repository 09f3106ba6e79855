"""A batched ray caster: all frames of a clip at once, each body only inside its pixel window.

The table and the backdrop are closed form at every pixel; shadows and ambient occlusion are cast
inside the window that a body's shadow can reach; bodies are cast with four rays a pixel (a rotated
grid) inside theirs, and mixed over the picture by the share of rays that hit. Frames are worked
through in pieces that fit the processor's cache. A clip depends on its own seed alone.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kinema.worlds.tabletop import shading
from kinema.worlds.tabletop.sampling import sample_scene
from kinema.worlds.tabletop.scene import Scene
from kinema.worlds.tabletop.shapes import dot, interval, normal, rotate
from kinema.worlds.tabletop.truth import scene_truth
from kinema.worlds.tabletop.view import View, box_corners
from kinema.worlds.world_clip import WorldClip

SUBPIXELS = ((-0.125, -0.375), (0.375, -0.125), (-0.375, 0.125), (0.125, 0.375))
RAYS_AT_ONCE = {"cpu": 16_384, "cuda": 4_194_304}
SHADOW_RAYS = 16
BODY_SHADOW_RAYS = 4
OCCLUSION_REACH = 2.3  # ambient occlusion ends at so many radii


def render(
    seeds: list[int],
    num_frames: int = 33,
    size: int | tuple[int, int] = 64,
    level: int = 1,
    split: str = "train",
    fps: float = 16,
    truth: bool = False,
    device: str = "cpu",
) -> list[WorldClip]:
    """Render one clip a seed; a seed gives the same clip alone or in any company.

    Args:
        size: pixels of a square frame, or (height, width); any from 8 up.
        truth: also return exact flow, depth, masks, tracks, cameras and events.
    """
    size = (size, size) if isinstance(size, int) else size
    scenes = [sample_scene(seed, level, split) for seed in seeds]
    return [render_scene(scene, num_frames, size, fps, truth, device) for scene in scenes]


@torch.inference_mode()
def render_scene(
    scene: Scene, num_frames: int, size: tuple[int, int], fps: float, truth: bool, device: str
) -> WorldClip:
    times = np.arange(num_frames) / fps
    view = View.of(scene, times, size, device)
    frames = torch.cat([_picture(scene, part) for part in _pieces(scene, view)])
    return WorldClip(
        frames=frames.cpu().numpy(),
        fps=fps,
        caption=scene.caption,
        attributes=scene.attributes,
        truth=scene_truth(scene, view, fps) if truth else None,
    )


def _pieces(scene: Scene, view: View):
    """The view cut into runs of frames whose rays fit the cache."""
    budget = RAYS_AT_ONCE["cpu" if view.focal.device.type == "cpu" else "cuda"]
    per_frame = max(view.height * view.width // 2, 1)
    step = max(1, budget // per_frame)
    for start in range(0, view.num_frames, step):
        yield view.frames(start, min(start + step, view.num_frames))


def _picture(scene: Scene, view: View) -> Tensor:
    """Frames uint8 (f h w 3) of a view."""
    still = scene.camera.move == "still"
    sky, key = _surroundings(scene, view.frames(0, 1) if still else view)
    empty = _with_shadows(scene, view, sky, key)
    canvas = empty.clone()
    for index in range(len(scene.bodies)):
        _add_body(scene, view, index, empty, canvas)
    canvas = canvas.unflatten(2, (view.height, view.width)).permute(0, 2, 3, 1)
    return shading.to_bytes(canvas.contiguous())


def _surroundings(scene: Scene, view: View) -> tuple[Tensor, Tensor]:
    """Table and backdrop without bodies, (f 3 h*w): what the sky lights, and what the key adds."""
    d = view.rays(*view.all_pixels())
    down = d[:, 2].clamp_max(-1e-3)
    point = view.origin[:, :, None] - d * (view.origin[:, 2, None] / down)[:, None]
    x, y = point[:, 0], point[:, 1]
    stage = scene.stage
    outside = torch.maximum(x.abs() - stage.half_width, y - stage.far_edge)
    covered, footprint = _coverage(outside.unflatten(1, (view.height, view.width)))
    albedo = shading.table_albedo(stage, x, y, footprint) * covered[:, None]
    sky, key = shading.table_light(view.light, x, y)
    wall = shading.backdrop(stage, d) * (1.0 - covered)[:, None]
    return albedo * sky[:, None] + wall, albedo * key[:, None]


def _coverage(outside: Tensor) -> tuple[Tensor, Tensor]:
    """Share of each pixel (f h w) inside the edge `outside` = 0, and the pixel's size there."""
    down, right = torch.gradient(outside, dim=(1, 2))
    footprint = (down * down + right * right).sqrt().clamp_min(1e-6)
    covered = (0.5 - outside / footprint).clamp(0.0, 1.0)
    return covered.flatten(1), footprint.flatten(1)


def _with_shadows(scene: Scene, view: View, sky: Tensor, key: Tensor) -> Tensor:
    """Sky and key layers added up, each dimmed where bodies stand in the light."""
    pixels = view.height * view.width
    sky_share = sky.new_ones(view.num_frames, pixels)
    key_share = sky.new_ones(view.num_frames, pixels)
    for index, body in enumerate(scene.bodies):
        window = view.window(_shadow_bounds(view, index, body.reach))
        if window is None:
            continue
        rows, columns = window // view.width, window % view.width
        d = view.rays(rows.float(), columns.float())
        down = d[:, 2].clamp_max(-1e-3)
        point = view.origin[:, :, None] - d * (view.origin[:, 2, None] / down)[:, None]
        to_centre = view.centres[index][:, :, None] - point
        lit = _reached_by_light(view, scene, index, point, SHADOW_RAYS)
        distance2 = dot(to_centre, to_centre)
        share = (0.8 * body.reach) ** 2 / distance2
        fade = (1.0 - distance2 / (OCCLUSION_REACH * body.reach) ** 2).clamp_min(0.0)
        occluded = (to_centre[:, 2] * distance2.rsqrt() * share * fade * fade).clamp(0.0, 0.85)
        key_share.scatter_(1, window, key_share.gather(1, window) * lit)
        sky_share.scatter_(1, window, sky_share.gather(1, window) * (1.0 - occluded))
    return sky * sky_share[:, None] + key * key_share[:, None]


def _shadow_bounds(view: View, index: int, reach: float) -> Tensor:
    """Corners (f 3 4) of the part of the table that a body can darken."""
    centre, light = view.centres[index], view.light
    height = centre[:, 2:3]
    shadow = centre[:, :2] - light[:2] * (height / light[2])
    spread = shading.LIGHT_RADIUS * (height + reach) / light[2] ** 2
    lean = (light[:2].abs() / light[2]).max()
    far = reach * (1.0 + lean) + spread
    near = OCCLUSION_REACH * reach * (height < 2.0 * reach)
    low = torch.minimum(shadow - far, centre[:, :2] - near)
    high = torch.maximum(shadow + far, centre[:, :2] + near)
    x = torch.stack((low[:, 0], high[:, 0], low[:, 0], high[:, 0]), dim=1)
    y = torch.stack((low[:, 1], low[:, 1], high[:, 1], high[:, 1]), dim=1)
    return torch.stack((x, y, torch.zeros_like(x)), dim=1)


def _reached_by_light(view: View, scene: Scene, index: int, point: Tensor, rays: int) -> Tensor:
    """Share (f n) of the key light that body `index` lets through to points (f 3 n)."""
    body = scene.bodies[index]
    inward = view.rotations[index].transpose(1, 2)
    o = rotate(inward, point - view.centres[index][:, :, None])
    directions = shading.light_directions(view.light, rays).expand(view.num_frames, 3, rays)
    d = rotate(inward, directions)
    near, far = interval(body.shape, o[:, :, None, :], d[:, :, :, None], body.half)
    blocked = far > near.clamp_min(1e-3)
    return 1.0 - blocked.float().mean(1)


def _add_body(scene: Scene, view: View, index: int, empty: Tensor, canvas: Tensor) -> None:
    """Cast a body's rays and put it on the canvas (f 3 h*w) in place of the empty table."""
    body = scene.bodies[index]
    window = view.window(body_corners(view, index, body.half))
    if window is None:
        return
    offsets = torch.tensor(SUBPIXELS, device=canvas.device)
    rows = ((window // view.width).float()[:, None] + offsets[:, :1]).flatten(1)
    columns = ((window % view.width).float()[:, None] + offsets[:, 1:]).flatten(1)
    d = view.rays(rows, columns)
    inward = view.rotations[index].transpose(1, 2)
    o_local = rotate(inward, (view.origin - view.centres[index])[:, :, None])
    d_local = rotate(inward, d)
    near, far = interval(body.shape, o_local, d_local, body.half)
    hit = (near < far) & (near > 0.0)
    for other in range(len(scene.bodies)):
        if other != index:
            hit &= near < depth_of(scene, view, other, d)
    near = torch.where(hit, near, 1.0)
    color = _surface(scene, view, index, d, near, o_local + d_local * near[:, None])
    color = (color * hit[:, None]).unflatten(2, (len(SUBPIXELS), -1)).mean(2)
    share = hit.unflatten(1, (len(SUBPIXELS), -1)).float().mean(1)
    window = window[:, None].expand(-1, 3, -1)
    # No ray shows two bodies, so in whatever order each takes away its share of the table.
    canvas.scatter_add_(2, window, color - share[:, None] * empty.gather(2, window))


def _surface(
    scene: Scene, view: View, index: int, d: Tensor, depth: Tensor, local: Tensor
) -> Tensor:
    """Colour (f 3 n) where rays meet the body at the given depths and local points."""
    body = scene.bodies[index]
    point = view.origin[:, :, None] + d * depth[:, None]
    outward = rotate(view.rotations[index], normal(body.shape, local, body.half))
    key = None
    for other in range(len(scene.bodies)):
        if other != index:
            key = _reached_by_light(view, scene, other, point, BODY_SHADOW_RAYS)
    return shading.body_color(body, scene.stage, view.light, point, local, outward, d, key)


def body_corners(view: View, index: int, half: tuple[float, float, float]) -> Tensor:
    """Corners (f 3 8) of the box about a body, in the world."""
    corners = box_corners(half, view.focal.device).expand(view.num_frames, 3, 8)
    return rotate(view.rotations[index], corners) + view.centres[index][:, :, None]


def depth_of(scene: Scene, view: View, index: int, d: Tensor) -> Tensor:
    """Depth (f n) at which rays from the camera meet a body; infinity where they do not."""
    body = scene.bodies[index]
    inward = view.rotations[index].transpose(1, 2)
    o_local = rotate(inward, (view.origin - view.centres[index])[:, :, None])
    near, far = interval(body.shape, o_local, rotate(inward, d), body.half)
    return near.masked_fill((near >= far) | (near <= 0.0), float("inf"))
