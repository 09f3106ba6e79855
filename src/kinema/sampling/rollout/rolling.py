"""Rolling generation: a staircase of noise levels that moves on, as frames leave at its clean end.

Rolling diffusion (Ruhe et al. 2024), FIFO-Diffusion (Kim et al. 2024), pyramids of diffusion
forcing (Chen et al. 2024): all are `plans.staircase`, seen through a window that moves along it.
The frames in the window are a queue: clean ones leave at its beginning, noise comes in at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from kinema.errors import UserError
from kinema.sampling import plans
from kinema.sampling.rollout.setup import RolloutSetup, RolloutState, Segment, Strategy, opening
from kinema.sampling.sample import DenoiseFn, Past, Step, take_step


@dataclass
class Queue:
    """The frames start ... start + f - 1 of a video, in the middle of a plan.

    `plans.staircase` for 10,000 frames has columns that still wait in pure noise and columns long
    clean. Only those between are in motion: the queue of FIFO-Diffusion.
    """

    row: int  # of the plan, which these frames have reached
    start: int  # the first of the frames
    x: Tensor  # b c f h w
    past: Past | None = None  # the solver's memory of the row before

    @property
    def stop(self) -> int:
        return self.start + self.x.shape[2]

    def shift(self, start: int, new: Tensor) -> None:
        """Let the frames before `start` go, and take in new ones at the end."""
        gone = start - self.start
        self.start, self.x = start, torch.cat([self.x[:, :, gone:], new], dim=2)
        if self.past is not None:
            still = torch.ones(1, new.shape[2], dtype=torch.float64)  # new frames did not move
            step = self.past.step
            t, t_next = (torch.cat([t[:, gone:], still], 1) for t in (step.t, step.t_next))
            x0 = torch.cat([self.past.x0[:, :, gone:], torch.zeros_like(new)], dim=2)
            self.past = Past(Step(step.path, t, t_next), x0)

    def step(self, denoise: DenoiseFn, setup: RolloutSetup, t: Tensor, t_next: Tensor) -> None:
        """Take these frames from their times `t` to `t_next`, each (f,)."""
        fresh = None
        if setup.solver.eta:  # of the row, so that a run taken up again draws the same
            fresh = setup.noise.fresh(self.row)(self.x.shape).to(self.x)
        step = Step(setup.path, t[None], t_next[None])
        self.x, past = take_step(denoise, self.x, step, setup.solver, self.past, fresh)
        self.row, self.past = self.row + 1, Past(past.step, past.x0)  # what `tensors` keeps
        if setup.progress is not None:
            setup.progress(self.row, t_next, past.x0)

    def tensors(self) -> dict[str, Tensor]:
        """Return all of it, to be saved."""
        saved = {"x": self.x, "place": torch.tensor([self.row, self.start])}
        if self.past is not None:
            step = self.past.step
            saved |= {"past_x0": self.past.x0, "past_t": step.t, "past_t_next": step.t_next}
        return saved

    @classmethod
    def restored(cls, tensors: dict[str, Tensor], setup: RolloutSetup) -> Queue:
        """Return what `tensors` said, ready to go on."""
        row, start = tensors["place"].tolist()
        device, past = setup.noise.like.device, None  # of frames; times stay on the CPU
        if "past_x0" in tensors:
            step = Step(setup.path, tensors["past_t"], tensors["past_t_next"])
            past = Past(step, tensors["past_x0"].to(device))
        return cls(row, start, tensors["x"].to(device), past)


@dataclass(frozen=True)
class Rolling(Strategy):
    """A window on an endless staircase: clean frames, frames in motion, frames still noise.

    There are no joins: every frame is made beside its neighbors on both sides.

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
                f"A rolling window of {self.window} frames cannot hold a history of "
                f"{self.history} and a chunk of {self.chunk} that moves."
            )

    @property
    def horizon(self) -> int:
        return self.history

    def delay(self, num_steps: int) -> int:
        """Rows between the starts of neighboring chunks, so that those in motion fit."""
        return ceil(num_steps / ((self.window - self.history) // self.chunk))

    def rollout(
        self, setup: RolloutSetup, num_frames: int, state: RolloutState | None = None
    ) -> Iterator[Segment]:
        given, num_given = opening(setup.given, num_frames)
        size = min(self.window, num_frames)
        if state is None:
            made = num_given
            queue = self.queue(setup, given, size)
            if given is not None:
                yield Segment(given, RolloutState(made, queue.tensors()))
        else:
            made, queue = state.made, Queue.restored(state.tensors, setup)
        delay = self.delay(setup.num_steps)
        while made < num_frames:
            start = min(max(made - self.history, queue.start), max(num_frames - size, queue.start))
            if start > queue.start:
                queue.shift(start, setup.first_state(queue.stop, start + size))
            frames, rows = range(queue.start, queue.stop), range(queue.row, queue.row + 2)
            times = plans.staircase(setup.times, frames, delay, self.chunk, num_given, rows)
            queue.step(setup.at(min(made, num_frames - 1)), setup, times[0], times[1])
            done = self.done(queue.row, setup.num_steps, num_given, delay)
            if (final := min(done, num_frames)) > made:
                leaving = queue.x[:, :, made - queue.start : final - queue.start]
                made = final
                yield Segment(leaving, RolloutState(made, queue.tensors()))

    def queue(self, setup: RolloutSetup, given: Tensor | None, size: int) -> Queue:
        """Return the first `size` frames; of given ones, those beside which a chunk has room."""
        if given is None:
            return Queue(0, 0, setup.first_state(0, size))
        kept = max(given.shape[2] + self.chunk - size, 0)
        queue = Queue(0, kept, setup.first_state(kept, kept + size))
        queue.x[:, :, : given.shape[2] - kept] = given[:, :, kept:]
        return queue

    def done(self, row: int, num_steps: int, num_given: int, delay: int) -> int:
        """Return how many frames are clean at a row of the plan."""
        if row < num_steps:
            return num_given
        return num_given + ((row - num_steps) // delay + 1) * self.chunk

    def calls(self, num_frames: int, num_steps: int) -> dict[int, int]:
        chunks = ceil(num_frames / self.chunk)
        rows = num_steps + self.delay(num_steps) * (chunks - 1)
        return {min(self.window, num_frames): rows}
