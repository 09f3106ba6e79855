"""Sliding window and latent splicing: each window begins with the last frames of the one before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from torch import Tensor

from kinema.errors import UserError
from kinema.sampling.guidance import noised_history
from kinema.sampling.rollout.noise import HISTORY
from kinema.sampling.rollout.walk import Piece, State, Walk, given_pieces, latest
from kinema.sampling.solvers import DenoiseFn


@dataclass(frozen=True)
class Sliding:
    """Windows of which the first `overlap` frames are given, the last ones of the window before.

    Every window is whole: what the last one makes beyond the end is cut off. With a chain that
    forgets after `overlap` frames (AR(1): after one), this is the long video's own distribution.

    Args:
        window: frames the denoiser sees at once.
        overlap: of them carried over, in [1, window).
        level: noise in [0, 1) under which the carried frames are shown; the video keeps them as
            they are. A little hides their errors, which otherwise add up (GameNGen, 2024).
    """

    window: int
    overlap: int
    level: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.overlap < self.window:
            raise UserError(
                f"overlap is {self.overlap}: between 1 and {self.window - 1} frames of a window of "
                f"{self.window} can be carried over."
            )
        if not 0 <= self.level < 1:
            raise UserError(f"level is {self.level}: it lies in [0, 1).")

    def rollout(self, walk: Walk, num_frames: int, state: State | None = None) -> Iterator[Piece]:
        made, tail = self._start(walk, num_frames, state)
        if state is None and tail is not None:
            yield Piece(tail, self._state(made, tail))
        while made < num_frames:
            carried = 0 if tail is None else min(self.overlap, tail.shape[2])
            start, size = made - carried, min(self.window, max(num_frames, carried + 1))
            known = walk.noise(start, start + size)
            if tail is not None:
                known[:, :, :carried] = tail[:, :, tail.shape[2] - carried :]
            denoise = self._denoise(walk, start, made, size)
            frames = walk.window(denoise, known, list(range(carried)), start)
            new = frames[:, :, carried:][:, :, : num_frames - made]
            made, tail = made + new.shape[2], latest(tail, new, self.overlap)
            yield Piece(new, self._state(made, tail))

    def _start(self, walk: Walk, num_frames: int, state: State | None) -> tuple[int, Tensor | None]:
        if state is not None:
            return state.made, state.tensors["tail"].to(walk.noise.like.device)
        given, made = given_pieces(walk.given, num_frames)
        return made, given

    def _state(self, made: int, tail: Tensor) -> State:
        return State(made, {"tail": tail[:, :, max(tail.shape[2] - self.overlap, 0) :]})

    def _denoise(self, walk: Walk, start: int, made: int, size: int) -> DenoiseFn:
        denoise = walk.at(made)
        if self.level == 0 or start == made:
            return denoise
        noise = walk.noise.other(HISTORY)(start, start + size)
        return noised_history(denoise, walk.path, noise, self.level)

    def calls(self, num_frames: int, num_steps: int) -> dict[int, int]:
        if num_frames <= self.window:
            return {num_frames: num_steps}
        windows = 1 + ceil((num_frames - self.window) / self.step)
        return {self.window: windows * num_steps}

    def joins(self, num_frames: int, num_given: int = 0) -> list[int]:
        first = max(num_given - self.overlap, 0) + self.window
        return list(range(first, num_frames, self.step))

    @property
    def horizon(self) -> int:
        """Frames back that every new frame sees, at least."""
        return self.overlap

    @property
    def step(self) -> int:
        """New frames in a window."""
        return self.window - self.overlap


@dataclass(frozen=True)
class Splice(Sliding):
    """Latent splicing: a video in chunks as small as memory asks, each the next one's beginning.

    64 frames in chunks of 8 with 2 in common are 11 chunks, 68 frames, of which 4 are cut off.
    """

    window: int = 8
    overlap: int = 2
