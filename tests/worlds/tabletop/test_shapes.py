"""Intersections against brute force: walk along each ray and ask which points are inside."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kinema.worlds.tabletop.attributes import SHAPES
from kinema.worlds.tabletop.shapes import dot, interval, normal

HALF = {
    "ball": (0.7, 0.7, 0.7),
    "cube": (0.5, 0.6, 0.7),
    "cylinder": (0.5, 0.5, 0.8),
    "cone": (0.6, 0.6, 0.7),
}


def inside(shape: str, p: np.ndarray) -> np.ndarray:
    """Whether points (..., 3) lie inside the solid, by its definition."""
    x, y, z = np.moveaxis(p, -1, 0)
    a, b, h = HALF[shape]
    if shape == "ball":
        return x**2 + y**2 + z**2 <= a**2
    if shape == "cube":
        return (abs(x) <= a) & (abs(y) <= b) & (abs(z) <= h)
    radius = a if shape == "cylinder" else a * (h - z) / (2 * h)
    return (abs(z) <= h) & (x**2 + y**2 <= radius**2)


def rays(seed: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rays (1 3 count) from a sphere of radius 3 towards points near the solid."""
    rng = np.random.default_rng(seed)
    o = rng.normal(size=(3, count))
    o *= 3.0 / np.linalg.norm(o, axis=0)
    d = rng.uniform(-0.8, 0.8, (3, count)) - o
    return (torch.tensor(v[None], dtype=torch.float64) for v in (o, d))


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
@example(seed=260)  # leaves the cube late
def test_interval_is_where_the_ray_is_inside(shape, seed):
    o, d = rays(seed, 200)
    near, far = (v[0].numpy() for v in interval(shape, o, d, HALF[shape]))
    t = np.linspace(0.0, 2.6, 2601)  # the longest way: 3 + 1.05, at a speed of at least 1.6
    points = o[0].T.numpy()[:, None] + t[:, None] * d[0].T.numpy()[:, None]
    within = inside(shape, points)
    hit = near < far
    assert not within[~hit].any()
    steps = 0.002
    clear = hit & (far - near > steps)  # a shorter chord may fall between two steps
    first, last = t[within.argmax(1)], t[-1 - within[:, ::-1].argmax(1)]
    assert within[clear].any(1).all()
    assert np.abs(first - near)[clear].max() < steps
    assert np.abs(last - far)[clear].max() < steps


@pytest.mark.parametrize("shape", SHAPES)
def test_normals_are_unit_and_point_outwards(shape):
    o, d = rays(1, 500)
    near, far = interval(shape, o, d, HALF[shape])
    hit = near < far
    points = o + d * torch.where(hit, near, 0.0)[:, None]
    n = normal(shape, points, HALF[shape])
    assert torch.allclose(dot(n, n)[hit], torch.ones(int(hit.sum()), dtype=n.dtype), atol=1e-6)
    assert (dot(n, d)[hit] < 1e-9).all()  # a ray enters against the outward normal
    outside = (points + 1e-3 * n)[0].T.numpy()[hit[0].numpy()]
    assert not inside(shape, outside).any()
