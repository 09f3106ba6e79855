"""Noise that belongs to the frames of a video: frame i of a seed has its own, whoever asks, when.

A long video is made piece by piece, and a killed run is taken up again; neither may show. So noise
is a function of seed and position, never of how much was drawn before.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kinema.diffusion.noise import RowNoise

# The blocks of one video draw their noise this far apart. Odd, and no power of two: the generator
# of a CPU looks at the lower 32 bits of a seed alone.
SEED_STRIDE = 0xC2B2AE35
# Independent streams of the same seeds. A stream has streams of its own, numbered as digits to the
# base 4 that are appended, so that the keys of keys have their own noise.
START, FRESH, HISTORY, KEYS = range(4)


class FrameNoise:
    """Standard normal noise of an endless video.

    Args:
        seeds: one per row of the batch.
        shape: (c, h, w) of a frame.
        block: frames that are drawn together. The first block is `noise_like_rows` of its shape,
            so that a video of one window is the ordinary sampler's, bit for bit.
        stream: independent streams of the same seeds.
        like: gives the noise its type and its device.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        shape: tuple[int, int, int],
        block: int = 1,
        stream: int = START,
        like: Tensor | None = None,
    ) -> None:
        self.seeds, self.shape, self.block, self.stream = list(seeds), shape, block, stream
        self.like = torch.empty(0) if like is None else like

    def __call__(self, start: int, stop: int) -> Tensor:
        """Noise of the frames start ... stop - 1: b c f h w."""
        first, last = start // self.block, (stop - 1) // self.block
        blocks = [self._block(number) for number in range(first, last + 1)]
        offset = first * self.block
        return torch.cat(blocks, dim=2)[:, :, start - offset : stop - offset].to(self.like)

    def other(self, stream: int) -> FrameNoise:
        """The stream of this one that is called FRESH, HISTORY or KEYS."""
        return FrameNoise(self.seeds, self.shape, self.block, 4 * self.stream + stream, self.like)

    def fresh(self, position: int) -> RowNoise:
        """What a stochastic solver draws in the walk that begins at `position`."""
        return self.other(FRESH)._rows(position)

    def _block(self, number: int) -> Tensor:
        c, h, w = self.shape
        return self._rows(number)((len(self.seeds), c, self.block, h, w))

    def _rows(self, number: int) -> RowNoise:
        return RowNoise([seed + number * SEED_STRIDE for seed in self.seeds], self.stream)
