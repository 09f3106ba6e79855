"""Light and color where the right answer is known without rendering anything."""

import numpy as np
import torch

from kinema.worlds.tabletop import sample_scene
from kinema.worlds.tabletop.attributes import BACKDROPS, COLORS, TABLES
from kinema.worlds.tabletop.scene import Stage
from kinema.worlds.tabletop.shading import (
    KEY,
    LIGHT_RADIUS,
    Surface,
    backdrop,
    body_albedo,
    body_color,
    light_directions,
    linear,
    pixel_size,
    table_albedo,
    table_light,
    to_bytes,
)

UP = torch.tensor((0.0, 0.0, 1.0))[None, :, None]  # (1 3 1)


def stage(kind="plain") -> Stage:
    return Stage("gray", kind, "blue", light=np.array([0.0, 0.0, 1.0]))


def test_a_color_survives_the_way_to_linear_light_and_back():
    for color in COLORS.values():
        stored = to_bytes(linear(color, "cpu"))
        assert stored.tolist() == [int(255 * c + 0.5) for c in color]
    assert to_bytes(torch.tensor([-1.0, 0.0, 0.25, 1.0, 7.0])).tolist() == [0, 0, 128, 255, 255]


def test_the_key_light_is_a_disc_about_its_direction():
    light = torch.tensor((0.6, 0.0, 0.8))
    aside = light_directions(light, 200) - light[:, None]
    assert torch.allclose(light @ aside, torch.zeros(200), atol=1e-6)
    radius = aside.norm(dim=0)
    assert radius.max() <= LIGHT_RADIUS and aside.mean(1).norm() < 0.02 * LIGHT_RADIUS
    # Evenly by area: half of the directions lie within 1 / sqrt(2) of the radius.
    assert ((radius < LIGHT_RADIUS * 0.5**0.5).float().mean() - 0.5).abs() < 0.01


def test_pixel_size_of_a_plane_is_its_slope():
    rows, columns = torch.meshgrid(torch.arange(5.0), torch.arange(6.0), indexing="ij")
    assert torch.allclose(pixel_size((3 * rows + 4 * columns)[None]), torch.tensor(5.0))


def test_the_backdrop_is_of_its_color_and_does_not_depend_on_the_length_of_a_ray():
    d = torch.randn(1, 3, 50, generator=torch.Generator().manual_seed(0))
    color = backdrop(stage(), d)
    assert torch.allclose(color, backdrop(stage(), 3 * d), atol=1e-6)
    share = color / linear(BACKDROPS["blue"], "cpu")[:, None]
    assert torch.allclose(share, share[:, :1].expand_as(share))
    assert share.min() >= 0.42 and share.max() <= 1.17


def test_a_plain_table_is_one_color_and_patterns_keep_its_mean():
    side = torch.linspace(-3.6, 3.6, 289)[:-1]  # eight squares of 0.9
    y, x = torch.meshgrid(side, side, indexing="ij")
    base = linear(TABLES["gray"], "cpu")
    plain = table_albedo(stage(), x[None], y[None])
    assert torch.equal(plain, base[None, :, None])
    checkered = table_albedo(stage("checkered"), x[None], y[None])
    assert torch.allclose(checkered.mean(2)[0], base, atol=0.01)
    assert torch.allclose(checkered.amax(2)[0], 1.38 * base)
    assert torch.allclose(checkered.amin(2)[0], 0.62 * base)


def test_squares_too_small_for_the_pixels_turn_gray():
    y, x = torch.meshgrid(90 * torch.arange(9.0), 90 * torch.arange(9.0), indexing="ij")
    far = table_albedo(stage("checkered"), x[None] + 0.4, y[None] + 0.4)
    assert torch.allclose(far, linear(TABLES["gray"], "cpu")[None, :, None], rtol=1e-3)


def test_the_table_is_brightest_in_its_middle():
    x = torch.tensor([[0.0, 1.0, 26.0**0.5]])
    _, key = table_light(torch.tensor((0.0, 0.6, 0.8)), x, torch.zeros_like(x))
    assert torch.allclose(key[0, [0, 2]], KEY * 0.8 * torch.tensor((1.0, 0.5)))
    assert key[0, 0] > key[0, 1] > key[0, 2]


def surface(facing: float, key: float) -> Surface:
    """A point whose normal is up, seen from above, lit from above (1) or from below (-1)."""
    ones = torch.ones(1, 1)
    return Surface(torch.zeros(1, 3, 1), UP, UP, UP, facing * UP, -UP, ones, key * ones)


def test_a_body_is_darker_where_the_key_light_does_not_reach():
    body = sample_scene(0).bodies[0]
    for body.material in ("rubber", "metal"):
        lit, half, shaded, below = (
            body_color(body, stage(), surface(*case)).sum().item()
            for case in [(1.0, 1.0), (1.0, 0.5), (1.0, 0.0), (-1.0, 1.0)]
        )
        assert lit > half > shaded == below


def test_stripes_are_the_color_itself_and_a_paler_one():
    body = sample_scene(0).bodies[0]
    x = torch.linspace(-body.half[0], body.half[0], 200)
    local = torch.stack((x, 0 * x, 0 * x))[None]
    base = linear(COLORS[body.color], "cpu")
    assert torch.equal(body_albedo(body, local), base[None, :, None])
    body.pattern = "striped"
    striped = body_albedo(body, local)[0].T
    pale = 0.25 * base + 0.62
    is_base, is_pale = ((striped == color).all(1) for color in (base, pale))
    assert (is_base | is_pale).all() and is_base.sum() > 40 and is_pale.sum() > 40
