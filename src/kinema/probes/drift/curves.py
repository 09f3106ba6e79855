"""Figures of a long video against the frame index: pure functions of frames.

Each is wrong alone: a frozen video keeps all but its motion, noise is sharp, new objects move well.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from kinema.metrics.evidence import observe
from kinema.metrics.temporal.identity import palette_distance
from kinema.metrics.temporal.movement import TOP_SHARE
from kinema.motion import optical_flow


@dataclass(frozen=True)
class Opening:
    """What later frames are compared with: the first ones, uint8 (f h w 3)."""

    frames: np.ndarray

    @property
    def color(self) -> np.ndarray:
        """The mean CIELAB color, 8-bit units, (3,)."""
        return mean_color(self.frames)

    @property
    def detail(self) -> float:
        return float(np.median(observe(self.frames).detail))


def figures(segment: np.ndarray, opening: Opening) -> dict[str, float | list[float]]:
    """Measure a few frames of a video, uint8 (f h w 3).

    Returns:
        identity: Hellinger distance of the palette from the opening's, mean over frames, [0, 1].
        motion: mean speed of the fastest 5 % of the pixels, pixels a frame.
        velocity: their mean motion (x, y), pixels a frame.
        color: CIELAB distance of the mean color from the opening's.
        sharpness: log2 of the variance of the Laplacian, less the opening's.
    """
    motion, velocity = fastest(segment)
    return {
        "identity": float(palette_distance(segment, opening.frames).mean()),
        "motion": motion,
        "velocity": velocity,
        "color": float(np.linalg.norm(mean_color(segment) - opening.color)),
        "sharpness": float(np.median(observe(segment).detail)) - opening.detail,
    }


def fastest(frames: np.ndarray) -> tuple[float, list[float]]:
    """Return mean speed and mean motion of the fastest 5 % of the pixels of each pair of frames."""
    flow = optical_flow(frames).forward  # (f-1 h w 2)
    if not len(flow):
        return 0.0, [0.0, 0.0]
    vectors = flow.reshape(len(flow), -1, 2)
    speed = np.linalg.norm(vectors, axis=-1)
    count = max(1, int(speed.shape[1] * TOP_SHARE))
    top = np.argpartition(speed, -count, axis=1)[:, -count:]
    chosen = np.take_along_axis(vectors, top[..., None], axis=1)
    return float(np.linalg.norm(chosen, axis=-1).mean()), chosen.mean((0, 1)).tolist()


def mean_color(frames: np.ndarray) -> np.ndarray:
    """Return the mean CIELAB color in 8-bit units, over all pixels: (3,)."""
    lab = cv2.cvtColor(np.ascontiguousarray(frames).reshape(-1, 1, 3), cv2.COLOR_RGB2LAB)
    return lab.reshape(-1, 3).astype(np.float64).mean(0)


@dataclass(frozen=True)
class Joins:
    """How much changes from frame to frame, in gray levels."""

    at: float  # mean over the joins
    latents: float  # mean over the other places where one latent frame ends and the next begins
    inside: float  # mean over all pairs of frames but the joins
    count: int  # how many joins

    @property
    def ratio(self) -> float:
        """1: a join looks like the border of any two latent frames."""
        return self.at / self.latents if self.latents > 0 else float("nan")


def joins_of(frames: Iterable[np.ndarray], joins: Sequence[int], factor: int = 1) -> Joins:
    """Measure the jump at the joins and elsewhere, from the first join on.

    `frames` are uint8 (h w 3), one in memory at a time, of which `factor` make a latent frame;
    `joins` are the frames that begin something new.
    """
    changes: dict[int, float] = {}
    previous, first = None, min(joins, default=0)
    for index, frame in enumerate(frames):
        if previous is not None and index >= first:
            changes[index] = float(np.abs(frame.astype(np.int16) - previous).mean())
        previous = frame.astype(np.int16)
    at = [change for index, change in changes.items() if index in joins]
    others = {index: change for index, change in changes.items() if index not in joins}
    latents = [change for index, change in others.items() if (index - first) % factor == 0]
    mean_at, mean_latents, mean_inside = (
        float(np.mean(found or [np.nan])) for found in (at, latents, list(others.values()))
    )
    return Joins(mean_at, mean_latents, mean_inside, len(at))
