"""A video on its way through its denoisings, as a strip of frames at each: some in, some gone on.

A blend takes a step with the mean of all windows over a frame. It knows that mean once the last of
them was looked through, and the frame can go on to the next denoising, however long the video.

Tensors are b c f h w, by name:
    x        the frames on the path
    before   their x0 in the denoising before, where there was one
    ahead    where Euler's step leads, for a solver that looks there
    total    the weighted sum of the x0 of all windows so far
    weight   the sum of the weights, 1 1 f h w
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from kinema.sampling.rollout.walk import Walk
from kinema.sampling.solvers import Move, Past

Frames = dict[str, Tensor]


class Look(NamedTuple):
    """One denoising of all frames.

    Attributes:
        row: of the plan.
        is_ahead: whether it is at the end of the row, or at its start.
    """

    row: int
    is_ahead: bool = False

    @property
    def seen(self) -> str:
        """The name of the frames that are denoised."""
        return "ahead" if self.is_ahead else "x"

    def times(self, walk: Walk, start: int, stop: int) -> Tensor:
        """(1, f), of the frames start ... stop - 1."""
        return times_of(walk, self.row + self.is_ahead, start, stop)


def looks_of(walk: Walk) -> list[Look]:
    """All denoisings that lead from noise to clean, in order."""
    looks = []
    for row in range(walk.num_steps):
        looks.append(Look(row))
        if walk.solver.looks_ahead and walk.times[row + 1] > 0:
            looks.append(Look(row, is_ahead=True))
    return looks


@dataclass
class Strip:
    """The frames that have come to a look and have not gone on.

    Attributes:
        start: the first of them.
        window: the next window to look through; all before it are in `total`.
        held: the frames from `start` on.
    """

    start: int = 0
    window: int = 0
    held: Frames = field(default_factory=dict)

    @property
    def stop(self) -> int:
        return self.start + (self.held["x"].shape[2] if self.held else 0)

    def take_in(self, frames: Frames) -> None:
        """Frames that follow those that are held."""
        x = frames["x"]
        new = frames | {"total": torch.zeros_like(x), "weight": x.new_zeros(1, 1, *x.shape[2:])}
        if self.held:
            new = {name: torch.cat([self.held[name], x], dim=2) for name, x in new.items()}
        self.held = new

    def let_out(self, stop: int) -> Frames:
        """The frames before `stop`, which are held no longer."""
        count, held, self.start = stop - self.start, self.held, stop
        self.held = {name: x[:, :, count:].clone() for name, x in held.items()}
        return {name: x[:, :, :count] for name, x in held.items()}

    def tensors(self) -> Frames:
        """All of it, to be saved."""
        return self.held | {"place": torch.tensor([self.start, self.window])}

    @classmethod
    def restored(cls, tensors: Frames, walk: Walk) -> Strip:
        """What `tensors` said, ready to go on."""
        start, window = tensors["place"].tolist()
        device = walk.noise.like.device
        held = {name: x.to(device) for name, x in tensors.items() if name != "place"}
        return cls(start, window, held)


def first_frames(walk: Walk, start: int, stop: int) -> Frames:
    """What the first look takes in: noise, and what is given."""
    x = walk.noise(start, stop)
    if walk.given is not None:
        given = walk.given[:, :, start:stop]
        x[:, :, : given.shape[2]] = given
    return {"x": x}


def times_of(walk: Walk, row: int, start: int, stop: int) -> Tensor:
    """(1, f) times of the frames start ... stop - 1 at a row of the plan; given ones are clean."""
    num_given = 0 if walk.given is None else walk.given.shape[2]
    return torch.where(torch.arange(start, stop) < num_given, 0.0, walk.times[row])[None]


def stepped(walk: Walk, look: Look, start: int, frames: Frames) -> Frames:
    """What the next look takes in: the frames from `start` on, all of whose windows were seen."""
    x, x0, stop = frames["x"], frames["total"] / frames["weight"], start + frames["x"].shape[2]

    def move_at(row: int) -> Move:
        t, t_next = (times_of(walk, k, start, stop) for k in (row, row + 1))
        return Move(walk.path, t, t_next)

    move, past, ahead, fresh = move_at(look.row), None, None, None
    if look.is_ahead:
        x0, ahead = frames["before"], x0
    elif walk.solver.looks_ahead and walk.times[look.row + 1] > 0:
        return {"x": x, "before": x0, "ahead": move.step(x, x0)}
    elif "before" in frames:
        past = Past(move_at(look.row - 1), frames["before"])
    if walk.solver.eta:  # by row and place, so that a run taken up again draws the same
        fresh = walk.noise.fresh(look.row + walk.num_steps * start)(x.shape).to(x)
    estimate = walk.solver.estimate(x0, move, past, ahead)
    return {"x": move.step(x, estimate, walk.solver.eta, fresh), "before": x0}
