"""Patches of a picture followed through a clip, each with the affine map that it has undergone.

Lucas and Kanade's alignment in its inverse compositional form (Baker and Matthews 2004), set out
from dense flow. Every frame is compared with the first, never with the one before: so errors do
not add up, and a patch that no longer looks like itself is known and dropped (Shi and Tomasi 1994).

Axes: n patches, m pixels of a patch, i the six parameters of an affine map.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from kinema.motion.tracks import sample

RADIUS = 7  # pixels: patches of 15 x 15
STEP = 6  # pixels between their centers
TEXTURE = 2.0  # gray levels per pixel that the direction of least contrast must have
ALIKE = 0.8  # correlation with the first frame below which a patch is lost
SMOOTHING = 1.0  # pixels: what is finer than this is the encoder's
MOST = 250  # patches; of more, those with the strongest texture
NUM_ITERATIONS = 3
LARGEST_STEP = 3.0  # pixels in one iteration
GROWTH = 5.0  # a patch that covers so many times more or fewer pixels is lost


@dataclass(frozen=True)
class PatchTracks:
    """What became of n patches over f frames."""

    maps: np.ndarray  # (f n 2 2) from offsets in the first frame to offsets there, where `visible`
    visible: np.ndarray  # (f n) bool; once False, False until the end

    def left(self, frame: int) -> np.ndarray:
        """The maps (k 2 2) of the patches that are seen in a frame."""
        return self.maps[frame][self.visible[frame]]


def follow_patches(luma: np.ndarray, forward: np.ndarray) -> PatchTracks:
    """Follow the well-textured patches of the first frame, 250 at most.

    luma: gray levels (f h w) float32; forward: flow (f-1 h w 2) to the next frame, pixels.
    """
    smooth = [cv2.GaussianBlur(image, (0, 0), SMOOTHING) for image in luma]
    patches = Patches(smooth[0], textured_places(smooth[0]))
    maps, visible = [patches.maps], [patches.visible]
    for image, flow in zip(smooth[1:], forward, strict=True):
        patches.advance(image, flow)
        maps.append(patches.maps)
        visible.append(patches.visible)
    return PatchTracks(np.stack(maps), np.stack(visible))


class Patches:
    """The patches of one picture, and where they are by now."""

    def __init__(self, image: np.ndarray, centers: np.ndarray):
        side = np.arange(-RADIUS, RADIUS + 1, dtype=np.float32)
        self.offsets = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)  # m 2
        self.weights = np.exp(-np.square(self.offsets).sum(-1) / (2 * (RADIUS / 1.5) ** 2))  # m
        self.weights = (self.weights / self.weights.sum()).astype(np.float32)
        self.centers = centers
        self.maps = np.tile(np.eye(2, dtype=np.float32), (len(centers), 1, 1))
        self.visible = np.ones(len(centers), bool)
        values = self._read(image, np.arange(len(centers)))
        self.mean, self.spread = self._moments(values)
        self.template = (values - self.mean) / self.spread
        self.solver = self._solver(image)

    def advance(self, image: np.ndarray, flow: np.ndarray) -> None:
        """Find the patches in the next frame, from where the flow leads them."""
        self.centers = self.centers + sample(flow, self.centers)
        self.maps = self.maps.copy()
        seen = np.flatnonzero(self.visible)  # what is lost stays lost, and costs nothing more
        for _ in range(NUM_ITERATIONS):
            self._align(image, seen)
        likeness = (self._normalized(image, seen) * self.template[seen]) @ self.weights
        limits = np.array([image.shape[1] - 1, image.shape[0] - 1])
        inside = ((self.centers[seen] >= 0) & (self.centers[seen] <= limits)).all(-1)
        area = np.abs(np.linalg.det(self.maps[seen]))
        kept = (likeness > ALIKE) & inside & (area > 1 / GROWTH) & (area < GROWTH)
        self.visible = np.isin(np.arange(len(self.centers)), seen[kept])
        self.maps[~self.visible] = np.eye(2, dtype=np.float32)

    def _align(self, image: np.ndarray, seen: np.ndarray) -> None:
        """One Gauss-Newton step: the first frame's patch is moved, and the map undoes it."""
        error = (self._normalized(image, seen) - self.template[seen]) * self.spread[seen]
        step = (self.solver[seen] @ error[..., None])[..., 0]  # n i
        change = np.eye(2, dtype=np.float32) + step[:, :4].reshape(-1, 2, 2)
        undone = self.maps[seen] @ np.linalg.inv(change)
        shift = (undone @ step[:, 4:, None])[..., 0]
        self.centers[seen] -= shift.clip(-LARGEST_STEP, LARGEST_STEP)
        self.maps[seen] = undone.clip(-GROWTH, GROWTH)

    def _solver(self, image: np.ndarray) -> np.ndarray:
        """(n i m): from differences of gray levels to the parameters that explain them best."""
        everyone = np.arange(len(self.centers))
        dx, dy = (self._read(slope, everyone)[..., None] for slope in slopes(image))
        jacobian = np.concatenate([dx * self.offsets, dy * self.offsets, dx, dy], axis=-1)  # n m i
        jacobian -= np.einsum("m,nmi->ni", self.weights, jacobian)[:, None]
        weighted = (jacobian * self.weights[:, None]).transpose(0, 2, 1)
        ridge = 1e-3 * np.diag([1.0, 1.0, 1.0, 1.0, 0.1, 0.1])
        return np.linalg.solve(weighted @ jacobian + ridge, weighted).astype(np.float32)

    def _normalized(self, image: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Chosen patches (n m) as they are by now, with mean 0 and deviation 1."""
        values = self._read(image, chosen)
        mean, spread = self._moments(values)
        return (values - mean) / spread

    def _moments(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = values @ self.weights
        variance = np.square(values - mean[:, None]) @ self.weights
        return mean[:, None], np.sqrt(variance + 1e-6)[:, None]

    def _read(self, image: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """The image at all pixels of chosen patches, (n m)."""
        turned = self.maps[chosen].transpose(0, 2, 1)
        places = self.centers[chosen, None] + self.offsets @ turned  # n m 2
        return sample(image, places.reshape(-1, 2)).reshape(places.shape[:2])


def textured_places(image: np.ndarray) -> np.ndarray:
    """Find grid centers (n 2) where the picture has the most contrast in every direction."""
    h, w = image.shape
    margin = RADIUS + 1
    x, y = np.meshgrid(np.arange(margin, w - margin, STEP), np.arange(margin, h - margin, STEP))
    dx, dy = slopes(image)
    xx, xy, yy = (cv2.GaussianBlur(v, (0, 0), RADIUS / 2) for v in (dx * dx, dx * dy, dy * dy))
    least = (xx + yy) / 2 - np.hypot((xx - yy) / 2, xy)  # smaller eigenvalue of the structure
    centers, strength = np.stack([x.ravel(), y.ravel()], axis=-1), least[y, x].ravel()
    best = np.argsort(-strength, kind="stable")[:MOST]
    return centers[best[strength[best] > TEXTURE**2]].astype(np.float32)


def slopes(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take derivatives along x and along y, gray levels per pixel."""
    along_x = cv2.Sobel(image, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    along_y = cv2.Sobel(image, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    return along_x, along_y
