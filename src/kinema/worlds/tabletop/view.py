"""The scene as tensors: camera rays, projection, and the pixel windows that bodies can touch.

Axes: k bodies, f frames, 3 coordinates, n points or rays. Pixel centers are integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kinema.worlds.tabletop.scene import Arrangement, Body


@dataclass
class PixelWindow:
    """One rectangle of pixels a frame, all of one size."""

    index: Tensor  # (f n) pixel numbers, row * width + column
    rows: Tensor  # (f n) float
    columns: Tensor  # (f n) float
    top_left: Tensor  # (f 2) first row and column
    size: tuple[int, int]  # rows and columns of the rectangle

    def meets(self, other: PixelWindow) -> bool:
        """Tell whether the two share a pixel in any frame."""
        apart = self.top_left - other.top_left  # (f 2)
        below = (apart < apart.new_tensor(other.size)).all(1)
        above = (-apart < apart.new_tensor(self.size)).all(1)
        return bool((below & above).any())


@dataclass
class View:
    """Camera and body poses of f frames, in float32 on one device."""

    height: int
    width: int
    origin: Tensor  # (f 3)
    rotation: Tensor  # (f 3 3), camera -> world
    focal: Tensor  # (f,), in pixels
    centers: Tensor  # (k f 3)
    rotations: Tensor  # (k f 3 3), body -> world
    light: Tensor  # (3,)

    @classmethod
    def of(cls, scene: Arrangement, times: np.ndarray, size: tuple[int, int], device: str) -> View:
        """A scene as a camera of size (height, width) sees it at the times (f,), in seconds."""
        return cls.posed(scene, scene.poses(times), times, size, device)

    @classmethod
    def posed(
        cls,
        scene: Arrangement,
        poses: tuple[np.ndarray | Tensor, np.ndarray | Tensor],
        times: np.ndarray,
        size: tuple[int, int],
        device: str = "cpu",
    ) -> View:
        """The same with the bodies where centers (k f 3) and rotations (k f 3 3) put them."""

        def tensor(array: np.ndarray | Tensor) -> Tensor:
            return torch.as_tensor(array, dtype=torch.float32, device=device)

        origin, rotation, focal = scene.camera.at(times)
        focal = focal * (min(size) / 2.0)
        camera = (tensor(origin), tensor(rotation), tensor(focal))
        centers, rotations = poses
        return cls(*size, *camera, tensor(centers), tensor(rotations), tensor(scene.stage.light))

    @property
    def num_frames(self) -> int:
        return len(self.focal)

    def frames(self, part: slice | Tensor) -> View:
        """The view of some of the frames, by a slice or by their numbers."""
        camera = (self.origin[part], self.rotation[part], self.focal[part])
        poses = (self.centers[:, part], self.rotations[:, part])
        return View(self.height, self.width, *camera, *poses, self.light)

    def rays(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Directions (f 3 n) in the camera's frame through pixel places; t along them is depth."""
        x = (columns - 0.5 * (self.width - 1)) / self.focal[:, None]
        y = (rows - 0.5 * (self.height - 1)) / self.focal[:, None]
        return torch.stack((x, y, torch.ones_like(x)), dim=1)

    def directions(self, rows: Tensor, columns: Tensor) -> Tensor:
        """The same rays in the world."""
        return self.rotation @ self.rays(rows, columns)

    def to_body(self, index: int, rays: Tensor) -> tuple[Tensor, Tensor]:
        """The camera's place (f 3 1) and its rays (f 3 n) in the frame of a body."""
        inward = self.rotations[index].transpose(1, 2)
        origin = inward @ (self.origin - self.centers[index])[:, :, None]
        return origin, (inward @ self.rotation) @ rays

    def on_table(self, directions: Tensor) -> Tensor:
        """Where world directions (f 3 n) from the camera meet the plane of the table (f 3 n)."""
        down = directions[:, 2:].clamp_max(-1e-3)
        return self.origin[:, :, None] - directions * (self.origin[:, 2:, None] / down)

    def project(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """World points (f 3 n) to columns, rows and depths, each (f n)."""
        local = self.rotation.transpose(1, 2) @ (points - self.origin[:, :, None])
        scale = self.focal[:, None] / local[:, 2].clamp_min(1e-3)
        columns = local[:, 0] * scale + 0.5 * (self.width - 1)
        rows = local[:, 1] * scale + 0.5 * (self.height - 1)
        return columns, rows, local[:, 2]

    def all_pixels(self) -> tuple[Tensor, Tensor]:
        """Rows and columns of every pixel, each (1 h*w)."""
        rows = torch.arange(self.height, device=self.focal.device, dtype=torch.float32)
        columns = torch.arange(self.width, device=self.focal.device, dtype=torch.float32)
        rows, columns = torch.meshgrid(rows, columns, indexing="ij")
        return rows.reshape(1, -1), columns.reshape(1, -1)

    def body_corners(self, index: int, body: Body) -> Tensor:
        """Corners (f 3 8) of the box about a body, in the world."""
        sides = [torch.tensor((-a, a), device=self.focal.device) for a in body.half]
        corners = torch.stack(torch.meshgrid(*sides, indexing="ij")).reshape(3, 8)
        return self.rotations[index] @ corners + self.centers[index][:, :, None]

    def body_window(self, index: int, body: Body) -> PixelWindow | None:
        """The window that shows a body, or None where it is out of view in all frames."""
        return self.window(self.body_corners(index, body))

    def window(self, points: Tensor, margin: float = 1.0) -> PixelWindow | None:
        """The smallest window that holds the world points (f 3 n) in every frame, where in view.

        None where no frame shows any of them.
        """
        columns, rows, _ = self.project(points)
        left, wide = span(columns, self.width, margin)
        top, high = span(rows, self.height, margin)
        if wide <= 0 or high <= 0:
            return None
        row = (top[:, None] + torch.arange(high, device=top.device))[:, :, None]
        column = (left[:, None] + torch.arange(wide, device=left.device))[:, None, :]
        shape = (self.num_frames, high, wide)
        return PixelWindow(
            index=(row * self.width + column).flatten(1),
            rows=row.float().expand(shape).flatten(1),
            columns=column.float().expand(shape).flatten(1),
            top_left=torch.stack((top, left), dim=1),
            size=(high, wide),
        )


def span(places: Tensor, limit: int, margin: float) -> tuple[Tensor, int]:
    """First pixel (f,) and common number of pixels that hold places (f n) within [0, limit)."""
    first, last = (places.amin(1) - margin).floor(), (places.amax(1) + margin).ceil()
    if not bool(((last >= 0) & (first < limit)).any()):
        return first.long(), 0
    first, last = first.clamp(0, limit - 1), last.clamp(0, limit - 1)
    count = int((last - first).max()) + 1
    return first.clamp_max(limit - count).long(), count
