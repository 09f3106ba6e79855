"""Are generated clips clean? Seams of the codec's blocks, and outlines, beside those of true clips.

The trivial cure is a fixed filter across the borders of blocks: it takes most of the ratio away,
and leaves steps that are several times those of true clips. It stands beside the other kinds.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kinema.metrics.temporal.seams import block_seams, outline_sharpness

FEW = 8  # gray levels, below which a step at a border is taken for a seam
SHARES = (0.5, 0.3, 0.1)  # of a step, that the pixels beside the border take over, nearest first


@dataclass(frozen=True)
class Cleanness:
    """What was measured on clips of one kind, a figure a clip."""

    at_borders: list[float]  # steps at the borders of blocks where nothing moves, gray levels
    elsewhere: list[float]  # steps off the borders
    sharpness: list[float]  # of the outlines of what moves, a share of the contrast a pixel

    @classmethod
    def of(cls, clips: Iterable[np.ndarray], block: int) -> "Cleanness":
        """Measure clips, uint8 (f h w 3), of a codec with blocks of so many pixels."""
        clips = list(clips)
        seams = [block_seams(clip, block) for clip in clips]
        return cls(
            [one.at_borders for one in seams],
            [one.elsewhere for one in seams],
            [outline_sharpness(clip) for clip in clips],
        )

    @property
    def ratios(self) -> list[float]:
        """Steps at borders over steps elsewhere, of every clip that has any."""
        pairs = zip(self.at_borders, self.elsewhere, strict=True)
        return [border / rest for border, rest in pairs if rest > 0]


def smoothed(frames: np.ndarray, block: int) -> np.ndarray:
    """Spread small steps across the borders of blocks over three pixels to each side.

    frames: uint8 (f h w 3).
    """
    x = frames.astype(np.float32)
    for axis in (1, 2):
        x = np.moveaxis(x, axis, -1)
        before, after = x[..., block - 1 : -1 : block], x[..., block::block]
        step = after - before
        half = np.where(np.abs(step) < FEW, step, 0) / 2
        for distance, share in enumerate(SHARES):
            x[..., block - 1 - distance : x.shape[-1] - 1 - distance : block] += 2 * share * half
            x[..., block + distance :: block][..., : half.shape[-1]] -= 2 * share * half
        x = np.moveaxis(x, -1, axis)
    return x.round().clip(0, 255).astype(np.uint8)
