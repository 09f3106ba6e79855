"""MultiDiffusion: one video walked whole, every step the mean of overlapping windows.

Bar-Tal et al. 2023, eq. 5: what agrees best with all windows is their mean. Lumiere (Bar-Tal et
al. 2024) blends windows in time; panoramas, windows in space; here both are one closure. Windows
weigh less towards their edges, where they know least.

No step waits for the whole video: a frame takes it as soon as its last window was looked through,
and the windows of the next step follow close behind. What is held are a few windows a step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from einops import einsum
from torch import Tensor

from kinema.errors import UserError
from kinema.sampling.rollout.strip import Frames, Look, Strip, first_frames, looks_of, stepped
from kinema.sampling.rollout.walk import Piece, State, Walk
from kinema.sampling.solvers import network_times


def windows_over(length: int, window: int, overlap: int) -> list[slice]:
    """Windows of one size that cover `length`, neighbours sharing at least `overlap`."""
    if length <= window:
        return [slice(0, length)]
    starts = [*range(0, length - window, window - overlap), length - window]
    return [slice(start, start + window) for start in starts]


def hat(window: slice, total: int) -> Tensor:
    """Weights that fall linearly from the middle to the edges, above 0; 1 in an only window."""
    length = window.stop - window.start
    index = torch.arange(length)
    falling = torch.minimum(index + 1, length - index)
    return torch.ones(length) if length == total else falling


@dataclass(frozen=True)
class Blend:
    """A video of any length and size as the blend of windows that the denoiser can see.

    Joins there are none, but what lies further apart than a window agrees only through the
    windows between.

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

    def rollout(self, walk: Walk, num_frames: int, state: State | None = None) -> Iterator[Piece]:
        windows = windows_over(num_frames, self.window, self.overlap)
        looks, made = looks_of(walk), 0 if state is None else state.made
        strips = [Strip() for _ in looks] if state is None else restored(state, walk)
        for window in windows[strips[0].window :]:
            frames: Frames | None = first_frames(walk, strips[0].stop, window.stop)
            for look, strip in zip(looks, strips, strict=True):
                if frames is not None:
                    frames = self._pass_on(walk, look, strip, frames, windows)
            final = None if frames is None else frames["x"]
            made += 0 if final is None else final.shape[2]
            yield Piece(final, State(made, saved(strips)))

    def _pass_on(
        self, walk: Walk, look: Look, strip: Strip, frames: Frames, windows: list[slice]
    ) -> Frames | None:
        """Take frames in, denoise the windows that are complete, and let out what is done."""
        strip.take_in(frames)
        while strip.window < len(windows) and windows[strip.window].stop <= strip.stop:
            self._denoise(walk, look, strip, windows[strip.window], windows[-1].stop)
            strip.window += 1
        start, is_over = strip.start, strip.window == len(windows)
        done = strip.stop if is_over else windows[strip.window].start
        return stepped(walk, look, start, strip.let_out(done)) if done > start else None

    def _denoise(
        self, walk: Walk, look: Look, strip: Strip, window: slice, num_frames: int
    ) -> None:
        """Add what a window says of its frames to the strip, tile by tile."""
        here = slice(window.start - strip.start, window.stop - strip.start)
        seen, total, weights = (strip.held[k][:, :, here] for k in (look.seen, "total", "weight"))
        t = network_times(look.times(walk, window.start, window.stop), seen)
        denoise = walk.at((window.start + window.stop) // 2)
        height, width = seen.shape[3:]
        for rows, columns in self._tiles(height, width):
            sides = hat(window, num_frames), hat(rows, height), hat(columns, width)
            f, h, w = (side.to(seen) for side in sides)
            weight = einsum(f, h, w, "f, h, w -> f h w")
            total[..., rows, columns] += weight * denoise(seen[..., rows, columns], t)
            weights[..., rows, columns] += weight

    def _tiles(self, height: int, width: int) -> product[tuple[slice, slice]]:
        rows, columns = self.tile or (height, width)
        return product(
            windows_over(height, rows, self.tile_overlap),
            windows_over(width, columns, self.tile_overlap),
        )

    def calls(self, num_frames: int, num_steps: int) -> dict[int, int]:
        windows = windows_over(num_frames, self.window, self.overlap)
        return {min(self.window, num_frames): len(windows) * num_steps}

    def joins(self, num_frames: int, num_given: int = 0) -> list[int]:
        return []


def saved(strips: list[Strip]) -> dict[str, Tensor]:
    """The strips of all looks as named tensors."""
    parts = enumerate(strip.tensors() for strip in strips)
    return {f"{number}.{name}": x for number, part in parts for name, x in part.items()}


def restored(state: State, walk: Walk) -> list[Strip]:
    """What `saved` named."""
    parts: list[Frames] = [{} for _ in looks_of(walk)]
    for key, x in state.tensors.items():
        number, name = key.split(".")
        parts[int(number)][name] = x
    return [Strip.restored(part, walk) for part in parts]
