"""MultiDiffusion: one video walked whole, every step the mean of overlapping windows.

Bar-Tal et al. 2023, eq. 5: what agrees best with all windows is their mean. Lumiere (Bar-Tal et
al. 2024) blends windows in time; panoramas, windows in space; here both are one closure. Windows
weigh less towards their edges, where they know least.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from einops import einsum
from torch import Tensor

from kinema.errors import UserError
from kinema.sampling.rollout.front import Front
from kinema.sampling.rollout.walk import Piece, State, Walk, given_pieces
from kinema.sampling.solvers import DenoiseFn


def windows_over(length: int, window: int, overlap: int) -> list[slice]:
    """Windows of one size that cover `length`, neighbours sharing at least `overlap`."""
    if length <= window:
        return [slice(0, length)]
    starts = [*range(0, length - window, window - overlap), length - window]
    return [slice(start, start + window) for start in starts]


def hat(length: int) -> Tensor:
    """Weights that fall linearly from the middle to the edges, above 0 throughout."""
    index = torch.arange(length)
    return torch.minimum(index + 1, length - index).double()


@dataclass(frozen=True)
class Blend:
    """A video of any length and size as the blend of windows that the denoiser can see.

    Joins there are none, but what lies further apart than a window agrees only through the
    windows between. The noisy video stays in memory until it is done.

    Args:
        window: frames the denoiser sees at once.
        overlap: frames that neighbouring windows share, at least.
        tile: (rows, columns) that it sees at once; None: all.
        tile_overlap: rows and columns that neighbouring tiles share, at least.
    """

    window: int
    overlap: int
    tile: tuple[int, int] | None = None
    tile_overlap: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.window:
            raise UserError(
                f"overlap is {self.overlap}: windows of {self.window} frames share at most "
                f"{self.window - 1}."
            )
        if self.tile is not None and not 0 <= self.tile_overlap < min(self.tile):
            raise UserError(
                f"tile_overlap is {self.tile_overlap}: it lies below the sides of a tile, "
                f"{self.tile[0]} and {self.tile[1]}."
            )

    @property
    def horizon(self) -> int:
        """Frames back that every frame sees in one of its windows, at least."""
        return self.overlap

    def windows(self, shape: torch.Size) -> list[tuple[slice, slice, slice]]:
        """The windows (frames, rows, columns) over x: b c f h w."""
        frames, height, width = shape[2:]
        rows, columns = self.tile or (height, width)
        return list(
            product(
                windows_over(frames, self.window, self.overlap),
                windows_over(height, rows, self.tile_overlap),
                windows_over(width, columns, self.tile_overlap),
            )
        )

    def over(self, walk: Walk) -> DenoiseFn:
        """The blended denoiser: (x: b c f h w, t: b f) -> x0, for any number of frames.

        Args:
            walk: whose denoiser, in force at the middle of a window, sees the windows.
        """

        def denoise(x: Tensor, t: Tensor) -> Tensor:
            windows = self.windows(x.shape)
            if len(windows) == 1:
                return walk.at(x.shape[2] // 2)(x, t)
            total, weights = torch.zeros_like(x), x.new_zeros(x.shape[2:])
            for frames, rows, columns in windows:
                here = (slice(None), slice(None), frames, rows, columns)
                seen = x[here]
                x0 = walk.at((frames.start + frames.stop) // 2)(seen, t[:, frames])
                f, h, w = (hat(side).to(x) for side in seen.shape[2:])
                weight = einsum(f, h, w, "f, h, w -> f h w")
                total[here] += weight * x0
                weights[here[2:]] += weight
            return total / weights

        return denoise

    def rollout(self, walk: Walk, num_frames: int, state: State | None = None) -> Iterator[Piece]:
        given, num_given = given_pieces(walk.given, num_frames)
        if state is None:
            front, made = Front(0, 0, walk.noise(0, num_frames)), 0
            if given is not None:
                front.x[:, :, :num_given] = given
        else:
            front, made = Front.restored(state.tensors, walk), state.made
        plan = walk.times[:, None].repeat(1, num_frames)
        plan[:, :num_given] = 0
        denoise = self.over(walk)
        while front.row < walk.num_steps:
            front.step(denoise, walk, plan[front.row], plan[front.row + 1])
            if front.row < walk.num_steps:
                yield Piece(None, State(0, front.tensors()))
        front.past = None
        for start in range(made, num_frames, self.window):
            stop = min(start + self.window, num_frames)
            frames, rest = front.x.tensor_split([stop - start], dim=2)
            front = Front(front.row, stop, rest)  # a state holds what is still to come
            yield Piece(frames, State(stop, front.tensors()))

    def calls(self, num_frames: int, num_steps: int) -> dict[int, int]:
        windows = windows_over(num_frames, self.window, self.overlap)
        return {min(self.window, num_frames): len(windows) * num_steps}

    def joins(self, num_frames: int, num_given: int = 0) -> list[int]:
        return []
