"""What a codec of blocks leaves around things that move: squares, and outlines that are too soft.

A decoder that works in blocks of pixels turns an error of one latent into a square. It shows where
a clip should stand still, beside what moves: there the difference from the clip's median over time
should be smooth, and a step across the borders of the blocks is a seam.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from kinema.errors import UserError

CALM = 20.0  # gray levels from the median below which a pixel shows the still scene
OUTLINE = 30.0  # gray levels of contrast from which a step counts as an outline
SPAN = 5  # pixels in which an outline rises


@dataclass(frozen=True)
class Seams:
    """Mean absolute steps of the deviation from the median, gray levels between neighbors."""

    at_borders: float  # of the blocks
    elsewhere: float

    @property
    def ratio(self) -> float:
        """Steps at borders over steps elsewhere: about 1.2 in true renders; 1 without any."""
        if self.elsewhere == 0:
            return 1.0 if self.at_borders == 0 else float("inf")
        return self.at_borders / self.elsewhere


def block_seams(frames: np.ndarray, block: int = 8) -> Seams:
    """Measure the steps across the borders of blocks where nothing moves.

    Args:
        frames: uint8 (f h w 3), of a camera that stands still.
        block: side of the blocks in pixels, counted from the upper left corner.

    Raises:
        UserError: if the frames are smaller than two blocks.
    """
    if min(frames.shape[1:3]) < 2 * block:
        raise UserError(f"Frames of {frames.shape[1:3]} pixels have no seams of blocks of {block}.")
    deviation = frames - np.median(frames, axis=0).astype(np.float32)  # f h w 3
    calm = np.abs(deviation) < CALM
    sums = np.zeros((2, 2))  # elsewhere and at borders; sum and count
    for axis in (1, 2):
        steps = np.abs(np.diff(deviation, axis=axis))
        count = steps.shape[axis]
        both = np.take(calm, range(count), axis) & np.take(calm, range(1, count + 1), axis)
        border = np.arange(1, count + 1) % block == 0
        for place, chosen in enumerate((~border, border)):
            kept = np.compress(chosen, both, axis)
            sums[place] += np.compress(chosen, steps, axis)[kept].sum(), kept.sum()
    elsewhere, at_borders = (total / max(count, 1) for total, count in sums)
    return Seams(float(at_borders), float(elsewhere))


def outline_sharpness(frames: np.ndarray) -> float:
    """Measure how steeply the outlines of what moves rise, as a share of their contrast a pixel.

    The largest step between neighbors within 5 x 5 pixels, over the contrast within them, averaged
    over the pixels where the clip differs from its median over time and that contrast is at least
    30 gray levels. 1 is a hard edge; blur lowers it. NaN if nothing moves. Compare with true
    clips of the same scenes.

    Args:
        frames: uint8 (f h w 3), of a camera that stands still.
    """
    luma = np.stack([cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames]).astype(np.float32)
    moves = np.abs(luma - np.median(luma, axis=0)) >= CALM
    kernel = np.ones((SPAN, SPAN), np.uint8)
    rises = []
    for image, moving in zip(luma, moves, strict=True):
        contrast = cv2.dilate(image, kernel) - cv2.erode(image, kernel)
        steps = np.zeros_like(image)
        steps[:, 1:] = np.abs(np.diff(image, axis=1))
        steps[1:] = np.maximum(steps[1:], np.abs(np.diff(image, axis=0)))
        near = cv2.dilate(moving.astype(np.uint8), kernel).astype(bool) & (contrast >= OUTLINE)
        rises.append((cv2.dilate(steps, kernel) / np.maximum(contrast, 1))[near])
    joined = np.concatenate(rises)
    return float(joined.mean()) if len(joined) else float("nan")
