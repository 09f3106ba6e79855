"""The scene as tensors: camera rays, projection, and the pixel windows that bodies can touch.

Axes: k bodies, f frames, 3 coordinates, n points or rays. Pixel centres are integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kinema.worlds.tabletop.scene import Scene
from kinema.worlds.tabletop.shapes import rotate


@dataclass
class View:
    """Camera and body poses of f frames, in float32 on one device."""

    height: int
    width: int
    origin: Tensor  # (f 3)
    rotation: Tensor  # (f 3 3), camera -> world
    focal: Tensor  # (f,), in pixels
    centres: Tensor  # (k f 3)
    rotations: Tensor  # (k f 3 3), body -> world
    light: Tensor  # (3,)

    @classmethod
    def of(cls, scene: Scene, times: np.ndarray, size: tuple[int, int], device: str) -> View:
        def tensor(array):
            return torch.tensor(np.asarray(array), dtype=torch.float32, device=device)

        origin, rotation, focal = scene.camera.at(times)
        focal = focal * (min(size) / 2.0)
        camera = (tensor(origin), tensor(rotation), tensor(focal))
        centres, rotations = scene.poses(times)
        poses = (tensor(centres), tensor(rotations))
        return cls(*size, *camera, *poses, tensor(scene.stage.light))

    @property
    def num_frames(self) -> int:
        return len(self.focal)

    def frames(self, start: int, stop: int) -> View:
        """The view of some of the frames."""
        part = slice(start, stop)
        camera = (self.origin[part], self.rotation[part], self.focal[part])
        poses = (self.centres[:, part], self.rotations[:, part])
        return View(self.height, self.width, *camera, *poses, self.light)

    def rays(self, rows: Tensor, columns: Tensor) -> Tensor:
        """World directions (f 3 n) through pixel places (f n), scaled so that t is the depth."""
        x = (columns - 0.5 * (self.width - 1)) / self.focal[:, None]
        y = (rows - 0.5 * (self.height - 1)) / self.focal[:, None]
        x, y = torch.broadcast_tensors(x, y)
        return rotate(self.rotation, torch.stack((x, y, torch.ones_like(x)), dim=1))

    def project(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """World points (f 3 n) to columns, rows and depths, each (f n)."""
        local = rotate(self.rotation.transpose(1, 2), points - self.origin[:, :, None])
        depth = local[:, 2].clamp_min(1e-3)
        scale = self.focal[:, None] / depth
        columns = local[:, 0] * scale + 0.5 * (self.width - 1)
        rows = local[:, 1] * scale + 0.5 * (self.height - 1)
        return columns, rows, local[:, 2]

    def all_pixels(self) -> tuple[Tensor, Tensor]:
        """Rows and columns of every pixel, each (1 h*w)."""
        rows = torch.arange(self.height, device=self.focal.device, dtype=torch.float32)
        columns = torch.arange(self.width, device=self.focal.device, dtype=torch.float32)
        rows, columns = torch.meshgrid(rows, columns, indexing="ij")
        return rows.reshape(1, -1), columns.reshape(1, -1)

    def window(self, points: Tensor, margin: float = 1.0) -> Tensor | None:
        """Pixel numbers (f n) of one rectangle a frame, all of one size, holding the points.

        None where no frame shows any of them.
        """
        columns, rows, _ = self.project(points)
        left, right = (columns.amin(1) - margin).floor(), (columns.amax(1) + margin).ceil()
        top, bottom = (rows.amin(1) - margin).floor(), (rows.amax(1) + margin).ceil()
        seen = (right >= 0) & (left < self.width) & (bottom >= 0) & (top < self.height)
        if not bool(seen.any()):
            return None
        left, right = left.clamp(0, self.width - 1), right.clamp(0, self.width - 1)
        top, bottom = top.clamp(0, self.height - 1), bottom.clamp(0, self.height - 1)
        wide = int((right - left).max()) + 1
        high = int((bottom - top).max()) + 1
        left = left.clamp_max(self.width - wide).long()
        top = top.clamp_max(self.height - high).long()
        row = top[:, None] + torch.arange(high, device=left.device)
        column = left[:, None] + torch.arange(wide, device=left.device)
        return (row[:, :, None] * self.width + column[:, None, :]).flatten(1)


def box_corners(half: tuple[float, float, float], device: torch.device) -> Tensor:
    """The eight corners (3 8) of a box about the origin."""
    sides = [torch.tensor((-a, a), device=device) for a in half]
    return torch.stack(torch.meshgrid(*sides, indexing="ij")).reshape(3, 8)
