"""What every strategy is given, what it gives back, and the shortest one: a single window.

A strategy is a frozen dataclass with `rollout(setup, num_frames, state)`. It yields segments:
frames that are final, in order, each with the state from which the rest follows. Whoever keeps
frames and state can stop at any segment and go on later, bit for bit as if nothing had happened;
whoever writes the frames away needs no more memory for an hour than for a minute.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from kinema.diffusion.path import FrameNoise, Linear, Path
from kinema.errors import UserError
from kinema.sampling import plans
from kinema.sampling.sample import AfterStep, DenoiseFn, Euler, Solver, first_state, sample


@dataclass(frozen=True)
class Schedule:
    """Denoisers that take over at frames, as the prompts of a story do."""

    # (first frame, denoiser), ascending, the first at frame 0
    parts: tuple[tuple[int, DenoiseFn], ...]

    def __post_init__(self) -> None:
        starts = [start for start, _ in self.parts]
        if not starts or starts[0] != 0 or starts != sorted(set(starts)):
            raise UserError(f"A schedule starts at frame 0 and goes up, not {starts}.")

    def at(self, frame: int) -> DenoiseFn:
        """The denoiser in force at a frame."""
        return next(denoise for start, denoise in reversed(self.parts) if start <= frame)

    def every(self, stride: int) -> Schedule:
        """The same schedule for every `stride`-th frame."""
        starts = {-(-start // stride): denoise for start, denoise in self.parts}
        return Schedule(tuple(starts.items()))


@dataclass(frozen=True)
class RolloutSetup:
    """How noise becomes frames, whatever the strategy."""

    # (x: b c f h w, t: b f) -> x0, for any number of frames; or a schedule of them
    denoise: DenoiseFn | Schedule
    noise: FrameNoise  # of every frame of the video
    times: Tensor  # (num_steps + 1,) times of a frame, from `plans.times`
    solver: Solver = Euler()  # how a step estimates x0
    path: Path = Linear()  # the path on which the network was trained
    given: Tensor | None = None  # b c k h w, frames with which the video begins, or None
    # denoises every n-th frame of a video as a clip; by default `denoise` does
    coarse: DenoiseFn | Schedule | None = None
    # b c f h w, the video to be made anew where the times begin below 1, or None
    source: Tensor | None = None
    progress: AfterStep | None = None  # called after every step of a window, see `sample`
    # schedules of others may begin a little below time 1: what they begin from, in units of noise
    scale: float = 1.0

    @property
    def num_steps(self) -> int:
        return len(self.times) - 1

    def at(self, frame: int) -> DenoiseFn:
        """Return the denoiser in force at a frame."""
        return self.denoise.at(frame) if isinstance(self.denoise, Schedule) else self.denoise

    def known(self, start: int, stop: int) -> Tensor:
        """Return the source of the frames start ... stop - 1, b c f h w; 0 where there is none.

        Frames beyond the end of the source repeat its last one.
        """
        if self.source is None:
            return torch.zeros_like(self.noise(start, stop))
        index = torch.arange(start, stop).clamp(max=self.source.shape[2] - 1)
        return self.source[:, :, index]

    def first_state(self, start: int, stop: int) -> Tensor:
        """Return the frames start ... stop - 1 as they are before the first step, b c f h w."""
        known = None if self.source is None else self.known(start, stop)
        plan = plans.together(self.times, stop - start)
        return first_state(self.scale * self.noise(start, stop), plan, self.path, known)

    def window(
        self, denoise: DenoiseFn, start: int, known: Tensor, given: int | Sequence[int] = 0
    ) -> Tensor:
        """Make the window at `start` of the video, from noise to clean.

        `known` is what the method of that name gives, b c f h w, with the frames `given` filled in:
        the first ones, or those at these indices, which stay.
        """
        num_frames = known.shape[2]
        plan = plans.given_frames(self.times, num_frames, given)
        noise = self.scale * self.noise(start, start + num_frames)
        anew, first = self.source is not None, self.times[:1]
        if not anew and first < 1:  # zeros are no video to be noised: all is noise
            noise = noise / self.path.sigma(first).item()
        return sample(
            denoise,
            noise,
            plan,
            self.solver,
            self.path,
            known=known if anew or (plan[0] < 1).any() else None,
            seeds=self.noise.fresh(start) if self.solver.eta else None,
            progress=self.progress,
        )


class RolloutState(NamedTuple):
    """Where a rollout stands: how many frames are final, and all that the rest depends on."""

    made: int
    tensors: dict[str, Tensor]


class Segment(NamedTuple):
    """Frames b c f h w that will not change any more (None: none yet), and the state after them."""

    frames: Tensor | None
    state: RolloutState


class Strategy(ABC):
    """A way to make a video of any length; see the module's docstring."""

    @property
    @abstractmethod
    def horizon(self) -> int:
        """Frames back that every new frame sees, at least."""

    @abstractmethod
    def rollout(
        self, setup: RolloutSetup, num_frames: int, state: RolloutState | None = None
    ) -> Iterator[Segment]:
        """Yield the video from its first frame on, or what is missing after `state`."""

    @abstractmethod
    def calls(self, num_frames: int, num_steps: int) -> dict[int, int]:
        """How often a first-order solver asks for x0: {frames in the call: calls}."""

    def joins(self, num_frames: int, num_given: int = 0) -> list[int]:
        """The frames at which a window begins that the frame before was not made in; the end of
        the given frames is none.
        """
        return []


def opening(given: Tensor | None, num_frames: int) -> tuple[Tensor | None, int]:
    """Return the frames a video begins with, at most `num_frames`, and how many they are."""
    if given is None:
        return None, 0
    return given[:, :, :num_frames], min(given.shape[2], num_frames)


def joined(segments: Iterator[Segment]) -> Tensor:
    """Return all frames of a rollout, b c f h w, for videos that fit into memory."""
    return torch.cat([segment.frames for segment in segments if segment.frames is not None], dim=2)


def latest(past: Tensor | None, new: Tensor, count: int) -> Tensor:
    """Return the last `count` frames of both, copied, so that nothing holds on to the others."""
    frames = new if past is None else torch.cat([past, new], dim=2)
    return frames[:, :, max(frames.shape[2] - count, 0) :].clone()


@dataclass(frozen=True)
class Whole(Strategy):
    """All frames in one window: the shortest strategy, and that of an ordinary video."""

    def rollout(
        self, setup: RolloutSetup, num_frames: int, state: RolloutState | None = None
    ) -> Iterator[Segment]:
        """Yield the video at once."""
        if state is None:
            given, count = opening(setup.given, num_frames)
            known = setup.known(0, num_frames)
            if given is not None:
                known[:, :, :count] = given
            frames = setup.window(setup.at(0), 0, known, count)
            yield Segment(frames, RolloutState(num_frames, {}))

    def calls(self, num_frames: int, num_steps: int) -> dict[int, int]:
        return {num_frames: num_steps}

    @property
    def horizon(self) -> int:
        """Frames back that every new frame sees: all there are."""
        return sys.maxsize
