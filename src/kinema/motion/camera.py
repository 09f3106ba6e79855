"""The global motion of the picture: one affine map a frame, whatever the objects do.

A camera moves nearly every pixel by a field that is nearly affine in position (pan, zoom, roll;
parallax is the rest). The map is fitted to dense flow by iteratively reweighted least squares with
Cauchy weights (Holland and Welsch 1977), which lets moving objects fall out as outliers.
"""

from dataclasses import dataclass

import numpy as np

GRID_STEP = 8  # pixels between the flow samples that are fitted
NUM_REWEIGHTINGS = 6


@dataclass(frozen=True)
class Affine:
    """Affine fields, one for each of n flow fields.

    Position is measured from the center of the picture in units of half its shorter side, so that
    all coefficients are in pixels: a zoom of 1 moves the middle of the long edges by one pixel.
    """

    coefficients: np.ndarray  # (n 3 2) float64; rows 1, x, y; columns of the flow's components
    size: tuple[int, int]  # height and width of the picture

    @property
    def translation(self) -> np.ndarray:
        """Movement of the picture's center, (n 2) pixels."""
        return self.coefficients[:, 0]

    @property
    def zoom(self) -> np.ndarray:
        """Growth of the half shorter side, (n,) pixels; positive when things come closer."""
        return (self.coefficients[:, 1, 0] + self.coefficients[:, 2, 1]) / 2

    @property
    def roll(self) -> np.ndarray:
        """Rotation times the half shorter side, (n,) pixels; positive is clockwise on screen."""
        return (self.coefficients[:, 1, 1] - self.coefficients[:, 2, 0]) / 2

    def field(self, index: int) -> np.ndarray:
        """The dense flow (h w 2) float32 of map `index`."""
        h, w = self.size
        x, y = positions(np.arange(w), np.arange(h), self.size)
        one, along_x, along_y = self.coefficients[index].astype(np.float32)
        return one + x[None, :, None] * along_x + y[:, None, None] * along_y


def fit_affine(flow: np.ndarray, step: int = GRID_STEP) -> Affine:
    """Fit an affine map to each flow field (n h w 2), pixels, robustly; n may be 0.

    The fit sees one pixel in step^2. Cost: about 1 ms a field at 256 pixels.
    """
    n, h, w, _ = flow.shape
    rows = np.arange(min(step // 2, h - 1), h, step)
    columns = np.arange(min(step // 2, w - 1), w, step)
    x, y = np.meshgrid(*positions(columns, rows, (h, w)))
    design = np.stack([np.ones_like(x), x, y], axis=-1).reshape(-1, 3).astype(np.float64)
    samples = flow[:, rows[:, None], columns].reshape(n, len(design), 2).astype(np.float64)
    coefficients = np.zeros((n, 3, 2))
    if n == 0:
        return Affine(coefficients, (h, w))
    coefficients[:, 0] = np.median(samples, axis=1)
    ridge = 1e-9 * np.eye(3)  # a picture one sample wide has no slope; it then gets zero
    for _ in range(NUM_REWEIGHTINGS):
        residual = np.linalg.norm(samples - design @ coefficients, axis=-1)
        scale = 1.4826 * np.median(residual, axis=1, keepdims=True) + 1e-3
        weights = 1 / (1 + (residual / (2.385 * scale)) ** 2)
        weighted = design * weights[..., None]
        normal = np.einsum("nki,kj->nij", weighted, design) + ridge
        coefficients = np.linalg.solve(normal, np.einsum("nki,nkc->nic", weighted, samples))
    return Affine(coefficients, (h, w))


def positions(
    columns: np.ndarray, rows: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Compute pixel places from the center of the picture, in units of half the shorter side."""
    h, w = size
    half = np.float32(max(min(h, w), 2) / 2)
    return (columns - (w - 1) / 2) / half, (rows - (h - 1) / 2) / half
