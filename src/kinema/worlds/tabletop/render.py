"""A batched ray caster: all frames of a clip at once, each body only inside its pixel window.

The table and the backdrop are closed form at every pixel; shadows and ambient occlusion are cast
inside the window that a body's shadow can reach; bodies are cast with four rays a pixel (a rotated
grid) inside theirs, and mixed over the picture by the share of rays that hit. Frames are worked
through in pieces that fit the processor's cache. A clip depends on its own seed alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from kinema.worlds.tabletop import shading
from kinema.worlds.tabletop.sampling import sample_scene
from kinema.worlds.tabletop.scene import Body, Scene
from kinema.worlds.tabletop.shapes import dot, interval, normal
from kinema.worlds.tabletop.truth import scene_truth
from kinema.worlds.tabletop.view import View, Window
from kinema.worlds.world_clip import WorldClip

SUBPIXELS = ((-0.125, -0.375), (0.375, -0.125), (-0.375, 0.125), (0.125, 0.375))
RAYS_AT_ONCE = {"cpu": 16_384, "cuda": 4_194_304}
SHADOW_RAYS = (8, 24)  # for each pixel of the table; the more from SMOOTH_SHADOWS pixels up
SMOOTH_SHADOWS = 128 * 128
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
        seeds: one per clip.
        num_frames: any from 1 up.
        size: pixels of a square frame, or (height, width); any from 8 up.
        level: 1 to 4, see `sample_scene`.
        split: "train", "held_out" or "all".
        fps: frames a second; the motion is the same in seconds at any rate.
        truth: also return exact flow, depth, masks, tracks, cameras and events.
        device: where to cast the rays.
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
    frames = torch.cat([_picture(scene, part) for part in _pieces(view)])
    return WorldClip(
        frames=frames.cpu().numpy(),
        fps=fps,
        caption=scene.caption,
        attributes=scene.attributes,
        truth=scene_truth(scene, view, fps) if truth else None,
    )


def _pieces(view: View) -> Iterator[View]:
    """The view cut into runs of frames whose rays fit the cache."""
    budget = RAYS_AT_ONCE["cpu" if view.focal.device.type == "cpu" else "cuda"]
    per_frame = max(view.height * view.width // 2, 1)
    step = max(1, budget // per_frame)
    for start in range(0, view.num_frames, step):
        yield view.frames(slice(start, start + step))


def _picture(scene: Scene, view: View) -> Tensor:
    """Frames uint8 (f h w 3) of a view."""
    still = scene.camera.move == "still"
    sky, key = _surroundings(scene, view.frames(slice(0, 1)) if still else view)
    empty = _with_shadows(scene, view, sky, key)
    canvas = empty.clone()
    windows = {
        index: window
        for index, body in enumerate(scene.bodies)
        if (window := view.body_window(index, body)) is not None
    }
    for index in windows:
        _add_body(scene, view, index, windows, (canvas, empty))
    canvas = canvas.unflatten(2, (view.height, view.width)).permute(0, 2, 3, 1)
    return shading.to_bytes(canvas.contiguous())


def _surroundings(scene: Scene, view: View) -> tuple[Tensor, Tensor]:
    """Table and backdrop without bodies, (f 3 h*w): what the sky lights, and what the key adds."""
    directions = view.to_world(view.rays(*view.all_pixels()))
    point = view.on_table(directions).unflatten(2, (view.height, view.width))
    x, y = point[:, 0], point[:, 1]
    stage = scene.stage
    outside = torch.maximum(x.abs() - stage.half_width, y - stage.far_edge)
    covered = (0.5 - outside / shading.pixel_size(outside)).clamp(0.0, 1.0)
    covered = (covered * (outside < 3.0)).flatten(1)  # at the horizon pixels are endlessly large
    albedo = shading.table_albedo(stage, x, y) * covered[:, None]
    sky, key = shading.table_light(view.light, x.flatten(1), y.flatten(1))
    wall = shading.backdrop(stage, directions) * (1.0 - covered)[:, None]
    return albedo * sky[:, None] + wall, albedo * key[:, None]


def _with_shadows(scene: Scene, view: View, sky: Tensor, key: Tensor) -> Tensor:
    """Sky and key layers added up, each dimmed where bodies stand in the light."""
    pixels = view.height * view.width
    num_rays = SHADOW_RAYS[pixels >= SMOOTH_SHADOWS]
    sky_share = sky.new_ones(view.num_frames, pixels)
    key_share = sky.new_ones(view.num_frames, pixels)
    for index, body in enumerate(scene.bodies):
        window = view.window(_shadow_bounds(view, index, body))
        if window is not None:
            point = view.on_table(view.to_world(view.rays(window.rows, window.columns)))
            lit = _key_share(view, index, body, _into_body(view, index, point), num_rays)
            key_share.scatter_(1, window.index, key_share.gather(1, window.index) * lit)
        window = view.window(_occlusion_bounds(view, index, body))
        if window is not None:
            point = view.on_table(view.to_world(view.rays(window.rows, window.columns)))
            open_sky = _sky_share(view, index, body, point)
            sky_share.scatter_(1, window.index, sky_share.gather(1, window.index) * open_sky)
    return sky * sky_share[:, None] + key * key_share[:, None]


def _shadow_bounds(view: View, index: int, body: Body) -> Tensor:
    """Corners (f 3 8) of the box about a body, cast on the table, widened by the penumbra."""
    corners = view.body_corners(index, body)
    height = corners[:, 2:].clamp_min(0.0)
    shadow = corners[:, :2] - view.light[:2, None] * (height / view.light[2])
    outward = shadow - shadow.mean(2, keepdim=True)
    shadow = shadow + outward.sign() * (shading.LIGHT_RADIUS * 1.3 * height)
    return torch.cat((shadow, torch.zeros_like(height)), dim=1)


def _occlusion_bounds(view: View, index: int, body: Body) -> Tensor:
    """Corners (f 3 4) of the part of the table whose sky a body hides."""
    reach = OCCLUSION_REACH * body.reach
    centre = view.centres[index]
    radius = (reach**2 - centre[:, 2] ** 2).clamp_min(0.0).sqrt()
    sides = torch.tensor(((-1, 1, -1, 1), (-1, -1, 1, 1), (0, 0, 0, 0)), device=radius.device)
    ground = centre * torch.tensor((1.0, 1.0, 0.0), device=radius.device)
    return ground[:, :, None] + sides * radius[:, None, None]


def _into_body(view: View, index: int, point: Tensor) -> Tensor:
    """World points (f 3 n) in the frame of a body."""
    return view.rotations[index].transpose(1, 2) @ (point - view.centres[index][:, :, None])


def _key_share(view: View, index: int, body: Body, point: Tensor, num_rays: int) -> Tensor:
    """Share (f n) of the key light that a body lets through to points (f 3 n) in its frame."""
    disc = view.rotations[index].transpose(1, 2) @ shading.light_directions(view.light, num_rays)
    near, far = interval(body.shape, point[:, :, None], disc[:, :, :, None], body.half)
    return 1.0 - (far > near.clamp_min(1e-3)).float().mean(1)


def _sky_share(view: View, index: int, body: Body, point: Tensor) -> Tensor:
    """Share (f n) of the sky that a body leaves to points (f 3 n) of the table."""
    to_body = view.centres[index][:, :, None] - point
    distance2 = dot(to_body, to_body)
    fade = (1.0 - distance2 / (OCCLUSION_REACH * body.reach) ** 2).clamp_min(0.0)
    solid = (0.8 * body.reach) ** 2 / distance2
    return 1.0 - (to_body[:, 2] * distance2.rsqrt() * solid * fade * fade).clamp(0.0, 0.85)


def _add_body(
    scene: Scene,
    view: View,
    index: int,
    windows: dict[int, Window],
    layers: tuple[Tensor, Tensor],
) -> None:
    """Cast a body's rays and put it on the canvas (f 3 h*w) in place of the empty table."""
    body, window, (canvas, empty) = scene.bodies[index], windows[index], layers
    offsets = torch.tensor(SUBPIXELS, device=canvas.device)
    rows = (window.rows[:, None] + offsets[:, :1]).flatten(1)
    columns = (window.columns[:, None] + offsets[:, 1:]).flatten(1)
    rays = view.rays(rows, columns)
    origin, directions = view.to_body(index, rays)
    near, far = interval(body.shape, origin, directions, body.half)
    hit = (near < far) & (near > 0.0)
    for other, rival in windows.items():
        if other != index and window.meets(rival):
            hit &= near < _body_depth(view, other, scene.bodies[other], rays)
    near = torch.where(hit, near, 1.0)
    color = _surface_color(scene, view, index, origin, directions, near)
    color = (color * hit[:, None]).unflatten(2, (len(SUBPIXELS), -1)).mean(2)
    share = hit.unflatten(1, (len(SUBPIXELS), -1)).float().mean(1)[:, None]
    pixels = window.index[:, None].expand(-1, 3, -1)
    # No ray shows two bodies, so in whatever order each takes away its share of the table.
    canvas.scatter_add_(2, pixels, color - share * empty.gather(2, pixels))


def _body_depth(view: View, index: int, body: Body, rays: Tensor) -> Tensor:
    """Depth (f n) at which the camera's rays meet a body; infinity where they do not."""
    near, far = interval(body.shape, *view.to_body(index, rays), body.half)
    return torch.where((near < far) & (near > 0.0), near, float("inf"))


def _surface_color(
    scene: Scene, view: View, index: int, origin: Tensor, directions: Tensor, depth: Tensor
) -> Tensor:
    """Colour (f 3 n) where rays of the body's frame, origin + depth directions, meet the body."""
    body = scene.bodies[index]
    inward = view.rotations[index].transpose(1, 2)
    point = origin + directions * depth[:, None]
    surface = shading.Surface(
        point=point,
        normal=normal(body.shape, point, body.half),
        view=directions * -dot(directions, directions).rsqrt()[:, None],
        up=inward[:, :, 2:],
        light=inward @ view.light[:, None],
        fill=inward @ view.light.new_tensor(shading.FILL_DIRECTION)[:, None],
        height=dot(point, inward[:, :, 2:]) + view.centres[index][:, 2:],
        key=_key_past_others(scene, view, index, point),
    )
    return shading.body_color(body, scene.stage, surface)


def _key_past_others(scene: Scene, view: View, index: int, point: Tensor) -> Tensor | None:
    """Share (f n) of the key light that other bodies leave to points (f 3 n) of this one.

    One shadow ray a camera ray: the rays of a pixel go to different places on the light. None
    where no body can come between.
    """
    share = None
    for other, rival in enumerate(scene.bodies):
        if other == index or not _can_shade(scene, view, other, index):
            continue
        world = view.rotations[index] @ point + view.centres[index][:, :, None]
        seen = _into_body(view, other, world).unflatten(2, (len(SUBPIXELS), -1))
        disc = shading.light_directions(view.light, len(SUBPIXELS))
        disc = view.rotations[other].transpose(1, 2) @ disc
        near, far = interval(rival.shape, seen, disc[:, :, :, None], rival.half)
        lit = 1.0 - (far > near.clamp_min(1e-3)).float().flatten(1)
        share = lit if share is None else share * lit
    return share


def _can_shade(scene: Scene, view: View, caster: int, receiver: int) -> bool:
    """Whether the balls about two bodies lie behind one another along the key light."""
    apart = view.centres[caster] - view.centres[receiver]
    along = apart @ view.light
    aside = (apart - along[:, None] * view.light).norm(dim=1)
    room = scene.bodies[caster].reach + scene.bodies[receiver].reach
    return bool(((along > -room) & (aside < room + shading.LIGHT_RADIUS * along.abs())).any())
