"""The moving front of a plan that is too long to be walked whole: a few columns, row by row.

`plans.staircase` for 10,000 frames has columns that still wait in pure noise and columns long
clean. Only those between are in motion; the front holds them, and what the solver remembers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kinema.sampling.rollout.walk import Walk
from kinema.sampling.sample import advance
from kinema.sampling.solvers import DenoiseFn, Move, Past


@dataclass
class Front:
    """Frames start ... start + f - 1 of a video in the middle of a plan.

    Attributes:
        row: of the plan, which these frames have reached.
        start: the first of the frames.
        x: b c f h w.
        past: the solver's memory of the row before.
    """

    row: int
    start: int
    x: Tensor
    past: Past | None = None

    @property
    def stop(self) -> int:
        return self.start + self.x.shape[2]

    def shift(self, start: int, noise: Tensor) -> None:
        """Leave the frames before `start`, and take in new ones from the noise at the end."""
        gone = start - self.start
        self.start, self.x = start, torch.cat([self.x[:, :, gone:], noise], dim=2)
        if self.past is not None:
            still = torch.ones(1, noise.shape[2], dtype=torch.float64)  # new frames did not move
            move = self.past.move
            t, t_next = (torch.cat([t[:, gone:], still], 1) for t in (move.t, move.t_next))
            x0 = torch.cat([self.past.x0[:, :, gone:], torch.zeros_like(noise)], dim=2)
            self.past = Past(Move(move.path, t, t_next), x0)

    def step(self, denoise: DenoiseFn, walk: Walk, t: Tensor, t_next: Tensor) -> None:
        """Take these frames from their times `t` to `t_next`, each (f,)."""
        fresh = None
        if walk.solver.eta:  # of the row, so that a run taken up again draws the same
            fresh = walk.noise.fresh(self.row)(self.x.shape).to(self.x)
        move = Move(walk.path, t[None], t_next[None])
        self.x, self.past = advance(denoise, self.x, move, walk.solver, self.past, fresh)
        self.row += 1

    def tensors(self) -> dict[str, Tensor]:
        """All of it, to be saved."""
        saved = {"x": self.x, "place": torch.tensor([self.row, self.start])}
        if self.past is not None:
            move = self.past.move
            saved |= {"past_x0": self.past.x0, "past_t": move.t, "past_t_next": move.t_next}
        return saved

    @classmethod
    def restored(cls, tensors: dict[str, Tensor], walk: Walk) -> Front:
        """What `tensors` said, ready to go on."""
        row, start = tensors["place"].tolist()
        device, past = walk.noise.like.device, None  # of frames; times stay on the CPU
        if "past_x0" in tensors:
            move = Move(walk.path, tensors["past_t"], tensors["past_t_next"])
            past = Past(move, tensors["past_x0"].to(device))
        return cls(row, start, tensors["x"].to(device), past)
