"""Rolling generation: a staircase of noise levels that moves on, as frames leave at its clean end.

Rolling diffusion (Ruhe et al. 2024), FIFO-Diffusion (Kim et al. 2024), pyramids of diffusion
forcing (Chen et al. 2024): all are `plans.staircase`, seen through a window that moves along it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from kinema.errors import UserError
from kinema.sampling.rollout.front import Front
from kinema.sampling.rollout.walk import Piece, State, Walk, given_pieces


@dataclass(frozen=True)
class Rolling:
    """A window on an endless staircase: clean frames, frames in motion, frames still noise.

    There are no joins: every frame is made beside its neighbours on both sides.

    Args:
        window: frames the denoiser sees at once.
        history: of them clean, so that the past is not forgotten as soon as it is made.
        chunk: frames that have one level of noise and leave together.
    """

    window: int
    history: int = 0
    chunk: int = 1

    def __post_init__(self) -> None:
        if self.chunk < 1 or not 0 <= self.history <= self.window - self.chunk:
            raise UserError(
                f"a rolling window of {self.window} frames cannot hold a history of "
                f"{self.history} and a chunk of {self.chunk} that moves."
            )

    @property
    def horizon(self) -> int:
        """Frames back that every new frame sees, at least."""
        return self.history

    def delay(self, num_steps: int) -> int:
        """Rows between the starts of neighbouring chunks, so that those in motion fit."""
        return ceil(num_steps / ((self.window - self.history) // self.chunk))

    def rollout(self, walk: Walk, num_frames: int, state: State | None = None) -> Iterator[Piece]:
        given, num_given = given_pieces(walk.given, num_frames)
        size = min(self.window, num_frames)
        if state is None:
            made = num_given
            front = Front(0, 0, walk.noise(0, size))
            if given is not None:
                kept = max(num_given + self.chunk - size, 0)  # more is given than can be seen
                front = Front(0, kept, walk.noise(kept, kept + size))
                front.x[:, :, : num_given - kept] = given[:, :, kept:]
                yield Piece(given, State(made, front.tensors()))
        else:
            made, front = state.made, Front.restored(state.tensors, walk)
        delay = self.delay(walk.num_steps)
        while made < num_frames:
            start = min(max(made - self.history, front.start), max(num_frames - size, front.start))
            if start > front.start:
                front.shift(start, walk.noise(front.stop, start + size))
            t, t_next = (self._times(walk, front, num_given, delay, ahead) for ahead in (0, 1))
            front.step(walk.at(min(made, num_frames - 1)), walk, t, t_next)
            done = self._done(front.row, walk.num_steps, num_given, delay)
            if (final := min(done, num_frames)) > made:
                leaving = front.x[:, :, made - front.start : final - front.start]
                made = final
                yield Piece(leaving, State(made, front.tensors()))

    def _times(self, walk: Walk, front: Front, num_given: int, delay: int, ahead: int) -> Tensor:
        """The times of the frames of the front, one row of the endless `plans.staircase`."""
        index = torch.arange(front.start, front.stop)
        begin = (index - num_given).clamp(min=0) // self.chunk * delay
        t = walk.times[(front.row + ahead - begin).clamp(0, walk.num_steps)]
        return torch.where(index < num_given, 0.0, t)

    def _done(self, row: int, num_steps: int, num_given: int, delay: int) -> int:
        """How many frames are clean at a row of the plan."""
        if row < num_steps:
            return num_given
        return num_given + ((row - num_steps) // delay + 1) * self.chunk

    def calls(self, num_frames: int, num_steps: int) -> dict[int, int]:
        chunks = ceil(num_frames / self.chunk)
        rows = num_steps + self.delay(num_steps) * (chunks - 1)
        return {min(self.window, num_frames): rows}

    def joins(self, num_frames: int, num_given: int = 0) -> list[int]:
        return []
