"""Ray against ball, cube, cylinder and cone, each a convex solid in its own frame.

A ray o + t d meets a convex solid in one interval [near, far] of t. Where near < far does not hold,
be it that they are NaN, the ray misses. The solids are intersections of a quadric and slabs, so
their intervals are intersections of intervals.
Axes: f frames, 3 coordinates, n rays. `half` holds the half extents (x, y, z); round solids stand
along z with radius half[0]; the cone's apex is at +z.
"""

import torch
from torch import Tensor

Half = tuple[float, float, float]
INFINITY = float("inf")
TINY = 1e-12  # keeps divisions by an exact zero finite


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Multiply over the coordinate axis and sum: (f 3 n), (f 3 n) -> (f n)."""
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]


def quadratic(a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The roots of a t^2 + 2 b t + c as ((-b - s) / a, (-b + s) / a); NaN where none is real."""
    s, inverse = (b * b - a * c).sqrt(), 1.0 / (a + TINY)
    return (-b - s) * inverse, (s - b) * inverse


def ball(o: Tensor, d: Tensor, half: Half) -> tuple[Tensor, Tensor]:
    return quadratic(dot(d, d), dot(o, d), dot(o, o) - half[0] ** 2)


def slab(o: Tensor, d: Tensor, half: float) -> tuple[Tensor, Tensor]:
    inverse = 1.0 / (d + TINY)
    middle, reach = -o * inverse, half * inverse.abs()
    return middle - reach, middle + reach


def cube(o: Tensor, d: Tensor, half: Half) -> tuple[Tensor, Tensor]:
    near, far = slab(o[:, 0], d[:, 0], half[0])
    for axis in (1, 2):
        enter, leave = slab(o[:, axis], d[:, axis], half[axis])
        near, far = torch.maximum(near, enter), torch.minimum(far, leave)
    return near, far


def cylinder(o: Tensor, d: Tensor, half: Half) -> tuple[Tensor, Tensor]:
    ox, oy, dx, dy = o[:, 0], o[:, 1], d[:, 0], d[:, 1]
    near, far = quadratic(dx * dx + dy * dy, ox * dx + oy * dy, ox * ox + oy * oy - half[0] ** 2)
    enter, leave = slab(o[:, 2], d[:, 2], half[2])
    return torch.maximum(near, enter), torch.minimum(far, leave)


def cone(o: Tensor, d: Tensor, half: Half) -> tuple[Tensor, Tensor]:
    k2 = (half[0] / (2.0 * half[2])) ** 2  # x^2 + y^2 <= k^2 z^2 below the apex
    ox, oy, oz, dx, dy, dz = o[:, 0], o[:, 1], o[:, 2] - half[2], d[:, 0], d[:, 1], d[:, 2]
    a = dx * dx + dy * dy - k2 * dz * dz
    b, c = ox * dx + oy * dy - k2 * oz * dz, ox * ox + oy * oy - k2 * oz * oz
    near, far = quadratic(a, b, c)
    # A ray steeper than the side enters the lower half of the double cone for ever, or leaves it.
    steep = a < 0.0
    near = torch.where(steep & (dz > 0.0), -INFINITY, near)
    far = torch.where(steep & (dz <= 0.0), INFINITY, far)
    enter, leave = slab(o[:, 2], d[:, 2], half[2])
    return torch.maximum(near, enter), torch.minimum(far, leave)


INTERVALS = {"ball": ball, "cube": cube, "cylinder": cylinder, "cone": cone}


def interval(shape: str, o: Tensor, d: Tensor, half: Half) -> tuple[Tensor, Tensor]:
    """Find where rays o + t d, both (f 3 n), lie inside the solid: (near, far), each (f n)."""
    return INTERVALS[shape](o, d, half)


def normal(shape: str, p: Tensor, half: Half) -> Tensor:
    """Compute unit normals (f 3 n) at points (f 3 n) of the surface, in the solid's frame."""
    if shape == "ball":
        return p / half[0]
    x, y, z = p[:, 0], p[:, 1], p[:, 2]
    if shape == "cube":
        share = p.abs() / torch.tensor(half, device=p.device)[:, None]
        return p.sign() * (share >= share.amax(1, keepdim=True))
    rho = (x * x + y * y).sqrt().clamp_min(1e-9)
    if shape == "cylinder":
        flat = z.abs() / half[2] > rho / half[0]
        slope, tip = 0.0, z.sign()
    else:
        k = half[0] / (2.0 * half[2])
        flat = z + half[2] < (rho - k * (half[2] - z)).abs()
        slope, tip = k, -torch.ones_like(z)
    side = (~flat) / (rho * (1.0 + slope * slope) ** 0.5)
    up = torch.where(flat, tip, slope / (1.0 + slope * slope) ** 0.5)
    return torch.stack((x * side, y * side, up), dim=1)
