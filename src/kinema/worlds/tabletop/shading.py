"""Light: a soft key light from the upper left, sky light, a weak fill; matte and metal surfaces.

Colors are linear while they are added up and stored as their square root (gamma 2). The key light
is a disc of directions, so that shadows have penumbras; ambient occlusion of the table under a body
is that of a ball: cos(angle) r^2 / d^2 (Quilez, sphere ambient occlusion).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from kinema.worlds.tabletop.attributes import BACKDROPS, COLORS, TABLES
from kinema.worlds.tabletop.scene import Body, Stage
from kinema.worlds.tabletop.shapes import dot

KEY, FILL, SKY, GROUND = 0.95, 0.16, 0.42, 0.16
LIGHT_RADIUS = 0.11  # of the disc of key light directions, as a tangent
FILL_DIRECTION = (0.80, -0.55, 0.24)
DOME_RADIUS = 25.0  # the backdrop is the inside of a ball about the table


def linear(color: tuple[float, float, float], device: torch.device | str) -> Tensor:
    """Convert a color as seen (gamma 2) to linear light, (3,)."""
    return torch.tensor(color, device=device) ** 2


def light_directions(light: Tensor, count: int) -> Tensor:
    """Spread directions (3 count) evenly over the disc of the key light (a Vogel spiral)."""
    index = torch.arange(count, device=light.device) + 0.5
    radius, angle = LIGHT_RADIUS * (index / count).sqrt(), index * (math.pi * (3.0 - 5.0**0.5))
    side = torch.linalg.cross(light, light.new_tensor((0.0, 0.0, 1.0)))
    side = side / side.norm()
    up = torch.linalg.cross(side, light)
    disc = side[:, None] * (radius * angle.cos()) + up[:, None] * (radius * angle.sin())
    return light[:, None] + disc


def backdrop(stage: Stage, d: Tensor) -> Tensor:
    """Color (f 3 n) seen along world directions (f 3 n): a wall lit softly from below center."""
    base = linear(BACKDROPS[stage.backdrop], d.device)
    inverse = dot(d, d).rsqrt()
    height, side = d[:, 2] * inverse, d[:, 0] * inverse
    glow = torch.exp(-3.0 * side * side - 6.0 * (height + 0.22) ** 2)
    return base[:, None] * (0.42 + 0.75 * glow)[:, None]


def pixel_size(place: Tensor) -> Tensor:
    """Compute how much a quantity (f h w) changes from one pixel to the next."""
    down, right = torch.gradient(place, dim=(1, 2))
    return (down * down + right * right).sqrt().clamp_min(1e-6)


def table_albedo(stage: Stage, x: Tensor, y: Tensor) -> Tensor:
    """Compute the color (f 3 h*w) of the table at (x, y), each (f h w); (1 3 1) if plain.

    Edges of the pattern are filtered over one pixel.
    """
    base = linear(TABLES[stage.table], x.device)[:, None]
    if stage.kind == "plain":
        return base[None]
    wide, long = pixel_size(x), pixel_size(y)
    if stage.kind == "checkered":
        rate = math.pi / 0.9  # squares of 0.9 units
        across = ((rate * x).sin() / (rate * wide)).clamp(-1.0, 1.0)
        along = ((rate * y).sin() / (rate * long)).clamp(-1.0, 1.0)
        return base * (1.0 + 0.38 * across * along).flatten(1)[:, None]
    plank = torch.floor(y / 0.75)
    grain = (9.0 * y + 1.3 * (1.7 * x + 2.4 * plank).sin() + 5.0 * plank).sin()
    fine = (1.2 - 4.0 * long).clamp(0.0, 1.0)  # grain too fine for the pixels fades
    shade = 1.0 + 0.10 * grain * fine + 0.16 * (12.9898 * plank + 0.5).sin()
    to_seam = 0.375 - (y - 0.75 * plank - 0.375).abs()
    shade = shade * (0.62 + 0.38 * (to_seam / long).clamp(0.0, 1.0))
    return base * shade.flatten(1)[:, None]


def table_light(light: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Compute sky and key light (f n) on the open table: a pool of light about its middle."""
    pool = 1.0 / (1.0 + (x * x + y * y) / 26.0)
    return SKY * (0.6 + 0.4 * pool) + 0.04, KEY * light[2] * pool


def body_albedo(body: Body, local: Tensor) -> Tensor:
    """Color (f 3 n) or (1 3 1) at points (f 3 n) of the body's surface, in its frame."""
    base = linear(COLORS[body.color], local.device)[None, :, None]
    if body.pattern == "plain":
        return base
    # Bands along the body's x: they turn with every kind of motion but a slide.
    band = (3.4 * local[:, 0] / body.half[0] + 0.6).sin()
    return torch.where((band > 0.25)[:, None], 0.25 * base + 0.62, base)


@dataclass
class Surface:
    """Points of a body's surface and what is about them, all in the body's own frame."""

    point: Tensor  # (f 3 n)
    normal: Tensor  # (f 3 n), unit
    view: Tensor  # (f 3 n), unit, towards the camera
    up: Tensor  # (f 3 1), the world's up
    light: Tensor  # (f 3 1), towards the key light
    fill: Tensor  # (f 3 1), towards the fill light
    height: Tensor  # (f n), above the table
    key: Tensor | None  # (f n), share of the key light that other bodies let through; None = all


def body_color(body: Body, stage: Stage, surface: Surface) -> Tensor:
    """Color (f 3 n) of a body's surface: matte with a broad gloss, or metal."""
    albedo = body_albedo(body, surface.point)
    facing = dot(surface.normal, surface.light).clamp_min(0.0)
    facing = facing if surface.key is None else facing * surface.key
    towards = dot(surface.normal, surface.view)
    mirror = surface.normal * (2.0 * towards)[:, None] - surface.view
    shine = dot(mirror, surface.light).clamp_min(0.0) * (facing > 0.0)
    sky = ambient(stage, surface)
    if body.material == "rubber":
        gloss = 0.10 * shine.square().square() ** 3
        return albedo * (sky + KEY * facing)[:, None] + gloss[:, None]
    softbox = 0.9 * ((shine - 0.90) * 16.0).clamp(0.0, 1.0)
    grazing = 0.30 * (1.0 - towards.clamp(0.0, 1.0)).square().square() + 0.06
    reflected = room(stage, dot(mirror, surface.up)) * (0.62 * albedo + grazing[:, None])
    return albedo * (0.62 * (sky + KEY * facing))[:, None] + reflected + softbox[:, None]


def ambient(stage: Stage, surface: Surface) -> Tensor:
    """Light (f n) from sky and fill, and from the table below, which also shades the low parts."""
    up = 0.5 + 0.5 * dot(surface.normal, surface.up)
    open_air = (0.35 + 1.04 * surface.height).clamp_max(1.0)
    ground = GROUND * float(linear(TABLES[stage.table], "cpu").mean())
    fill = FILL * dot(surface.normal, surface.fill).clamp_min(0.0)
    return SKY * up * (0.5 + 0.5 * open_air) + ground * (1.0 - up) * open_air + fill


def room(stage: Stage, height: Tensor) -> Tensor:
    """What metal mirrors (f 3 n) at a height (f n): the table below, the bright studio above."""
    wall, table = (
        linear(color, height.device)[None, :, None]
        for color in (BACKDROPS[stage.backdrop], TABLES[stage.table])
    )
    above = ((height + 0.06) * 8.0).clamp(0.0, 1.0)
    studio = above * (0.55 + 0.9 * height.clamp_min(0.0))
    return wall * studio[:, None] + table * (0.55 - 0.55 * above)[:, None]


def to_bytes(color: Tensor) -> Tensor:
    """Convert linear color to stored uint8: a square root, and highlights that end softly."""
    return color.clamp(0.0, 1.0).sqrt_().mul_(255.0).add_(0.5).to(torch.uint8)
