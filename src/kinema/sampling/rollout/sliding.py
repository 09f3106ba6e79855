"""Sliding window and latent splicing: each window begins with the last frames of the one before.

With a fade the next window also makes the last of these again, and the video passes evenly from the
one to the other: nothing jumps where windows meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from kinema.diffusion.path import HISTORY
from kinema.errors import UserError
from kinema.sampling.guidance import noised_history
from kinema.sampling.rollout.setup import (
    RolloutSetup,
    RolloutState,
    Segment,
    Strategy,
    latest,
    opening,
)
from kinema.sampling.sample import DenoiseFn


@dataclass(frozen=True)
class Sliding(Strategy):
    """Windows of which the first `overlap` frames are given, the last ones of the window before.

    Every window is whole: what the last one makes beyond the end is cut off. With a chain that
    forgets after `overlap` frames (AR(1): after one), this is the long video's own distribution.

    Args:
        window: frames the denoiser sees at once.
        overlap: of them carried over, in [1, window).
        level: noise in [0, 1) under which the carried frames are shown; the video keeps them as
            they are. A little hides their errors, which otherwise add up (GameNGen, 2024).
        fade: frames after the carried ones, at most window - overlap - 1, which two windows make,
            from the same noise. The mean stays the long video's own, the covariance only in a
            world whose past settles what follows.
    """

    window: int
    overlap: int
    level: float = 0.0
    fade: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.overlap < self.window:
            raise UserError(
                f"The overlap is {self.overlap}: between 1 and {self.window - 1} frames of a "
                f"window of {self.window} can be carried over."
            )
        if not 0 <= self.level < 1:
            raise UserError(f"The level is {self.level}: it lies in [0, 1).")
        if not 0 <= self.fade < self.window - self.overlap:
            raise UserError(
                f"The fade is {self.fade}: of a window of {self.window} frames with an overlap of "
                f"{self.overlap}, from 0 to {self.window - self.overlap - 1} can be made twice."
            )

    def rollout(
        self, setup: RolloutSetup, num_frames: int, state: RolloutState | None = None
    ) -> Iterator[Segment]:
        made, tail, older = self.start(setup, num_frames, state)
        if state is None and tail is not None:
            yield Segment(tail, self.state(made, tail, None))
        while made < num_frames:
            carried = 0 if tail is None else min(self.overlap, tail.shape[2])
            start, size = made - carried, min(self.window, max(num_frames, carried + 1))
            known = setup.known(start, start + size)
            if tail is not None:
                known[:, :, :carried] = tail[:, :, tail.shape[2] - carried :]
            denoise = self.denoise(setup, start, made, size)
            frames = faded(older, setup.window(denoise, start, known, carried)[:, :, carried:])
            is_last = made + frames.shape[2] >= num_frames
            new = frames[:, :, : num_frames - made if is_last else frames.shape[2] - self.fade]
            older = frames[:, :, new.shape[2] :].clone() if self.fade and not is_last else None
            made, tail = made + new.shape[2], latest(tail, new, self.overlap)
            yield Segment(new, self.state(made, tail, older))

    def start(
        self, setup: RolloutSetup, num_frames: int, state: RolloutState | None
    ) -> tuple[int, Tensor | None, Tensor | None]:
        """Return how many frames are made, the last of them, and those the next window fades in."""
        if state is not None:
            device = setup.noise.like.device
            older = state.tensors.get("older")
            older = None if older is None else older.to(device)
            return state.made, state.tensors["tail"].to(device), older
        given, made = opening(setup.given, num_frames)
        return made, given, None

    def state(self, made: int, tail: Tensor, older: Tensor | None) -> RolloutState:
        tensors = {"tail": tail[:, :, max(tail.shape[2] - self.overlap, 0) :]}
        return RolloutState(made, tensors if older is None else tensors | {"older": older})

    def denoise(self, setup: RolloutSetup, start: int, made: int, size: int) -> DenoiseFn:
        """Return the denoiser of a window, which shows the carried frames under noise."""
        denoise = setup.at(made)
        if self.level == 0 or start == made:
            return denoise
        noise = setup.noise.other(HISTORY)(start, start + size)
        return noised_history(denoise, setup.path, noise, self.level)

    def calls(self, num_frames: int, num_steps: int) -> dict[int, int]:
        if num_frames <= self.window:
            return {num_frames: num_steps}
        windows = 1 + ceil((num_frames - self.window) / self.step)
        return {self.window: windows * num_steps}

    def joins(self, num_frames: int, num_given: int = 0) -> list[int]:
        first = max(num_given - self.overlap, 0) + self.window - self.fade
        starts = range(first, num_frames - self.fade, self.step)
        return [start + k for start in starts for k in range(self.fade + 1)]

    @property
    def horizon(self) -> int:
        return self.overlap

    @property
    def step(self) -> int:
        """New frames in a window, less those that the next one makes again."""
        return self.window - self.overlap - self.fade


@dataclass(frozen=True)
class Splice(Sliding):
    """Latent splicing: a video in chunks as small as memory asks, each the next one's beginning.

    64 frames in chunks of 8 with 2 in common are 11 chunks, 68 frames, of which 4 are cut off.
    """

    window: int = 8
    overlap: int = 2


def crossfade(window: int, overlap: int) -> Sliding:
    """A sliding window that makes a twelfth of the overlap, or a frame, twice if there is room."""
    fade = max(overlap // 12, 1)
    carried = max(overlap - fade, 1)
    return Sliding(window, carried, fade=min(fade, window - carried - 1))


def faded(older: Tensor | None, newer: Tensor) -> Tensor:
    """The frames of a window (b c f h w), its first ones mixed with those of the window before.

    Of n frames in both, number k = 1 ... n is k / (n + 1) of the newer one.
    """
    if older is None:
        return newer
    count = older.shape[2]
    weight = torch.arange(1, count + 1).to(newer)[:, None, None] / (count + 1)
    mixed = torch.lerp(older, newer[:, :, :count], weight)
    return torch.cat([mixed, newer[:, :, count:]], dim=2)
