"""Where an object may stand, from where its color is seen: on the table, or above a line of it."""

import numpy as np
import torch

from kinema.judges.synthesis.masks import Seen
from kinema.judges.synthesis.solids import HEIGHT, TURN, Solid, X, Y
from kinema.worlds.tabletop.scene import Arrangement

RADIUS = 0.66  # between small and large
REST = 0.63  # height of the center of most resting solids
NEAREST = 0.03  # quantile of places on the table above which a solid flies
ALIKE = 0.15  # mean distance of two starts below which one is enough


def first_guesses(stage: Arrangement, seen: Seen, times: np.ndarray) -> list[Solid]:
    """Balls where a color is seen: one that rolls on the table, and one that may fly."""
    known = seen.known.numpy()
    origin, rays = rays_to(stage, seen, times)
    down = np.minimum(rays[:, 2], -0.02)  # a ray to the horizon meets the table far away
    table = origin + rays * ((REST - origin[:, 2]) / down)[:, None]
    line = np.quantile(table[known, 1], NEAREST)
    plane = origin + rays * ((line - origin[:, 1]) / rays[:, 1])[:, None]
    table[:, 1] = table[:, 1].clip(-4.0, 4.0)
    same = np.abs(table - plane)[known].mean() < ALIKE
    return [solid_at(places, known, seen.color) for places in ([plane] if same else [table, plane])]


def rays_to(stage: Arrangement, seen: Seen, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The camera's places (f 3) and its rays (f 3) through the middle of what is seen."""
    height, width = seen.mask.shape[1:]
    origin, rotation, focal = stage.camera.at(times)
    rows, columns = seen.middle()
    focal = focal * min(height, width) / 2
    x = (columns.numpy() - (width - 1) / 2) / focal
    y = (rows.numpy() - (height - 1) / 2) / focal
    rays = np.stack([x, y, np.ones_like(x)], axis=1)
    return origin, np.einsum("fij,fj->fi", rotation, rays)


def solid_at(places: np.ndarray, known: np.ndarray, color: str) -> Solid:
    """A ball at places (f 3), in between where it is not known."""
    numbers = np.arange(len(places))
    poses = np.zeros((len(places), 4))
    poses[:, TURN] = np.pi / 4
    for i, path in ((X, places[:, 0]), (Y, places[:, 1]), (HEIGHT, places[:, 2] - REST)):
        poses[:, i] = np.interp(numbers, numbers[known], path[known])
    poses[:, HEIGHT] = poses[:, HEIGHT].clip(0.0)
    return Solid("ball", color, "rubber", False, RADIUS, torch.from_numpy(poses).float())
