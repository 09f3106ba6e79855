"""A batched ray caster: all frames of a clip at once, each body only inside its pixel window.

The table and the backdrop are closed form at every pixel; shadows and ambient occlusion are cast
inside the window that a body's shadow can reach; bodies are cast with four rays a pixel (a rotated
grid) inside theirs, and mixed over the picture by the share of rays that hit. Frames are worked
through in pieces that fit the processor's cache. A clip depends on its own seed alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from kinema.worlds.tabletop import shading
from kinema.worlds.tabletop.sampling import sample_scene
from kinema.worlds.tabletop.scene import Arrangement, Body, Scene
from kinema.worlds.tabletop.shapes import dot, interval, normal
from kinema.worlds.tabletop.truth import scene_truth
from kinema.worlds.tabletop.view import PixelWindow, View
from kinema.worlds.world import Rendering, WorldClip

FPS = 16.0
SUBPIXELS = ((-0.125, -0.375), (0.375, -0.125), (-0.375, 0.125), (0.125, 0.375))
RAYS_AT_ONCE = {"cpu": 16_384, "cuda": 4_194_304}
SHADOW_RAYS = (8, 24)  # for each pixel of the table; the more from SMOOTH_SHADOWS pixels up
SMOOTH_SHADOWS = 128 * 128
OCCLUSION_REACH = 2.3  # ambient occlusion ends at so many radii


def render(seeds: Sequence[int], rendering: Rendering = Rendering()) -> list[WorldClip]:
    """Render one clip a seed; a seed gives the same clip alone or in any company.

    `sample_scene` says what the levels and splits are.
    """
    return [
        render_scene(sample_scene(seed, rendering.level, rendering.split), rendering)
        for seed in seeds
    ]


@torch.inference_mode()
def render_scene(scene: Scene, rendering: Rendering) -> WorldClip:
    """Render one scene, whose level and split are its own."""
    fps = rendering.fps or FPS
    times = np.arange(rendering.num_frames) / fps
    view = View.of(scene, times, rendering.height_width, rendering.device)
    frames = torch.cat([render_view(scene, part) for part in pieces(view)])
    return WorldClip(
        frames=frames.cpu().numpy(),
        fps=fps,
        caption=scene.caption,
        attributes=asdict(scene.attributes),
        truth=scene_truth(scene, view, fps) if rendering.truth else None,
    )


def pieces(view: View) -> Iterator[View]:
    """Cut the view into runs of frames whose rays fit the cache."""
    budget = RAYS_AT_ONCE["cpu" if view.focal.device.type == "cpu" else "cuda"]
    per_frame = max(view.height * view.width // 2, 1)
    step = max(1, budget // per_frame)
    for start in range(0, view.num_frames, step):
        yield view.frames(slice(start, start + step))


def render_view(scene: Arrangement, view: View) -> Tensor:
    """Render the frames of a view, uint8 (f h w 3)."""
    still = scene.camera.move == "still"
    sky, key = empty_table(scene, view.frames(slice(0, 1)) if still else view)
    empty = with_shadows(scene, view, sky, key)
    canvas = empty.clone()
    windows = {
        index: window
        for index, body in enumerate(scene.bodies)
        if (window := view.body_window(index, body)) is not None
    }
    for index in windows:
        add_body(scene, view, index, windows, (canvas, empty))
    canvas = canvas.unflatten(2, (view.height, view.width)).permute(0, 2, 3, 1)
    return shading.to_bytes(canvas.contiguous())


def empty_table(scene: Arrangement, view: View) -> tuple[Tensor, Tensor]:
    """Shade table and backdrop, (f 3 h*w) each: what the sky lights, and what the key adds."""
    directions = view.directions(*view.all_pixels())
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


def with_shadows(scene: Arrangement, view: View, sky: Tensor, key: Tensor) -> Tensor:
    """Add sky and key layers up, each dimmed where bodies stand in the light."""
    pixels = view.height * view.width
    num_rays = SHADOW_RAYS[pixels >= SMOOTH_SHADOWS]
    sky_share = sky.new_ones(view.num_frames, pixels)
    key_share = sky.new_ones(view.num_frames, pixels)
    for index, body in enumerate(scene.bodies):
        window = view.window(shadow_bounds(view, index, body))
        if window is not None:
            point = view.on_table(view.directions(window.rows, window.columns))
            lit = key_light_share(view, index, body, into_body(view, index, point), num_rays)
            key_share.scatter_(1, window.index, key_share.gather(1, window.index) * lit)
        window = view.window(occlusion_bounds(view, index, body))
        if window is not None:
            point = view.on_table(view.directions(window.rows, window.columns))
            open_sky = sky_light_share(view, index, body, point)
            sky_share.scatter_(1, window.index, sky_share.gather(1, window.index) * open_sky)
    return sky * sky_share[:, None] + key * key_share[:, None]


def shadow_bounds(view: View, index: int, body: Body) -> Tensor:
    """Cast the corners (f 3 8) of the box about a body on the table, widened by the penumbra."""
    corners = view.body_corners(index, body)
    height = corners[:, 2:].clamp_min(0.0)
    shadow = corners[:, :2] - view.light[:2, None] * (height / view.light[2])
    outward = shadow - shadow.mean(2, keepdim=True)
    shadow = shadow + outward.sign() * (shading.LIGHT_RADIUS * 1.3 * height)
    return torch.cat((shadow, torch.zeros_like(height)), dim=1)


def occlusion_bounds(view: View, index: int, body: Body) -> Tensor:
    """Find the corners (f 3 4) of the part of the table whose sky a body hides."""
    reach = OCCLUSION_REACH * body.reach
    center = view.centers[index]
    radius = (reach**2 - center[:, 2] ** 2).clamp_min(0.0).sqrt()
    sides = torch.tensor(((-1, 1, -1, 1), (-1, -1, 1, 1), (0, 0, 0, 0)), device=radius.device)
    ground = center * torch.tensor((1.0, 1.0, 0.0), device=radius.device)
    return ground[:, :, None] + sides * radius[:, None, None]


def into_body(view: View, index: int, point: Tensor) -> Tensor:
    """Bring world points (f 3 n) into the frame of a body."""
    return view.rotations[index].transpose(1, 2) @ (point - view.centers[index][:, :, None])


def key_light_share(view: View, index: int, body: Body, point: Tensor, num_rays: int) -> Tensor:
    """Compute the share (f n) of key light that a body lets through to points (f 3 n)."""
    disc = view.rotations[index].transpose(1, 2) @ shading.light_directions(view.light, num_rays)
    near, far = interval(body.shape, point[:, :, None], disc[:, :, :, None], body.half)
    return 1.0 - (far > near.clamp_min(1e-3)).float().mean(1)


def sky_light_share(view: View, index: int, body: Body, point: Tensor) -> Tensor:
    """Compute the share (f n) of the sky that a body leaves to points (f 3 n) of the table."""
    to_body = view.centers[index][:, :, None] - point
    distance2 = dot(to_body, to_body)
    fade = (1.0 - distance2 / (OCCLUSION_REACH * body.reach) ** 2).clamp_min(0.0)
    solid = (0.8 * body.reach) ** 2 / distance2
    return 1.0 - (to_body[:, 2] * distance2.rsqrt() * solid * fade * fade).clamp(0.0, 0.85)


def add_body(
    scene: Arrangement,
    view: View,
    index: int,
    windows: dict[int, PixelWindow],
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
            hit &= near < body_depth(view, other, scene.bodies[other], rays)
    near = torch.where(hit, near, 1.0)
    color = surface_color(scene, view, index, origin, directions, near)
    color = (color * hit[:, None]).unflatten(2, (len(SUBPIXELS), -1)).mean(2)
    share = hit.unflatten(1, (len(SUBPIXELS), -1)).float().mean(1)[:, None]
    pixels = window.index[:, None].expand(-1, 3, -1)
    # No ray shows two bodies, so in whatever order each takes away its share of the table.
    canvas.scatter_add_(2, pixels, color - share * empty.gather(2, pixels))


def body_depth(view: View, index: int, body: Body, rays: Tensor) -> Tensor:
    """Compute the depth (f n) at which camera rays meet a body; infinity where they do not."""
    near, far = interval(body.shape, *view.to_body(index, rays), body.half)
    return torch.where((near < far) & (near > 0.0), near, float("inf"))


def surface_color(
    scene: Arrangement, view: View, index: int, origin: Tensor, directions: Tensor, depth: Tensor
) -> Tensor:
    """Color (f 3 n) where rays of the body's frame, origin + depth directions, meet the body."""
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
        height=dot(point, inward[:, :, 2:]) + view.centers[index][:, 2:],
        key=key_past_others(scene, view, index, point),
    )
    return shading.body_color(body, scene.stage, surface)


def key_past_others(scene: Arrangement, view: View, index: int, point: Tensor) -> Tensor | None:
    """Compute the share (f n) of key light that other bodies leave to points (f 3 n) of this one.

    One shadow ray a camera ray: the rays of a pixel go to different places on the light. None
    where no body can come between.
    """
    share = None
    for other, rival in enumerate(scene.bodies):
        if other == index or not can_shade(scene, view, other, index):
            continue
        world = view.rotations[index] @ point + view.centers[index][:, :, None]
        seen = into_body(view, other, world).unflatten(2, (len(SUBPIXELS), -1))
        disc = shading.light_directions(view.light, len(SUBPIXELS))
        disc = view.rotations[other].transpose(1, 2) @ disc
        near, far = interval(rival.shape, seen, disc[:, :, :, None], rival.half)
        lit = 1.0 - (far > near.clamp_min(1e-3)).float().flatten(1)
        share = lit if share is None else share * lit
    return share


def can_shade(scene: Arrangement, view: View, caster: int, receiver: int) -> bool:
    """Tell whether the balls about two bodies lie behind one another along the key light."""
    apart = view.centers[caster] - view.centers[receiver]
    along = apart @ view.light
    aside = (apart - along[:, None] * view.light).norm(dim=1)
    room = scene.bodies[caster].reach + scene.bodies[receiver].reach
    return bool(((along > -room) & (aside < room + shading.LIGHT_RADIUS * along.abs())).any())
