"""MultiDiffusion: the whole video in one plan, every step the mean of overlapping windows.

Bar-Tal et al. 2023, eq. 5: what agrees best with all windows is their mean. Lumiere (Bar-Tal et
al. 2024) blends windows in time; panoramas, windows in space; here both are one closure. Windows
weigh less towards their edges, where they know least.

No step waits for the whole video: a frame takes it as soon as its last window was evaluated,
and the windows of the next step follow close behind. What is held are a few windows a step.

Frames that are held are named tensors, b c f h w:
    x        the frames between two steps
    before   their x0 in the evaluation before, where there was one
    ahead    where Euler's step leads, for a solver that evaluates there too
    total    the weighted sum of the x0 of all windows so far
    weight   the sum of the weights, 1 1 f h w
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

import torch
from einops import einsum
from torch import Tensor

from kinema.errors import UserError
from kinema.sampling import plans
from kinema.sampling.rollout.setup import RolloutSetup, RolloutState, Segment, Strategy
from kinema.sampling.sample import Past, Step, network_times

Frames = dict[str, Tensor]


def windows_over(length: int, window: int, overlap: int) -> list[slice]:
    """Return windows of one size that cover `length`, neighbors sharing at least `overlap`."""
    if length <= window:
        return [slice(0, length)]
    starts = [*range(0, length - window, window - overlap), length - window]
    return [slice(start, start + window) for start in starts]


def hat(window: slice, total: int) -> Tensor:
    """Return weights that fall from the middle to the edges, above 0; 1 in an only window."""
    length = window.stop - window.start
    index = torch.arange(length)
    falling = torch.minimum(index + 1, length - index)
    return torch.ones(length) if length == total else falling


class Evaluation(NamedTuple):
    """One evaluation of x0 for all frames."""

    row: int  # of the plan
    is_ahead: bool = False  # whether it is at the end of the row, or at its start

    @property
    def seen(self) -> str:
        """The name of the frames that are denoised."""
        return "ahead" if self.is_ahead else "x"

    def times(self, setup: RolloutSetup, start: int, stop: int) -> Tensor:
        """Return the times of the frames start ... stop - 1, (1, f)."""
        return times_of(setup, self.row + self.is_ahead, start, stop)


def evaluations_of(setup: RolloutSetup) -> list[Evaluation]:
    """Return all evaluations that lead from noise to clean, in order."""
    evaluations = []
    for row in range(setup.num_steps):
        evaluations.append(Evaluation(row))
        if setup.solver.looks_ahead and setup.times[row + 1] > 0:
            evaluations.append(Evaluation(row, is_ahead=True))
    return evaluations


@dataclass
class Held:
    """The frames that have come to an evaluation and have not gone on."""

    start: int = 0  # the first of them
    window: int = 0  # the next window to evaluate; all before it are in `total`
    frames: Frames = field(default_factory=dict)  # those from `start` on

    @property
    def stop(self) -> int:
        return self.start + (self.frames["x"].shape[2] if self.frames else 0)

    def take_in(self, arriving: Frames) -> None:
        """Add frames that follow those that are held."""
        x = arriving["x"]
        new = arriving | {"total": torch.zeros_like(x), "weight": x.new_zeros(1, 1, *x.shape[2:])}
        if self.frames:
            new = {name: torch.cat([self.frames[name], x], dim=2) for name, x in new.items()}
        self.frames = new

    def let_out(self, stop: int) -> Frames:
        """Return the frames before `stop`, which are held no longer."""
        count, held, self.start = stop - self.start, self.frames, stop
        self.frames = {name: x[:, :, count:].clone() for name, x in held.items()}
        return {name: x[:, :, :count] for name, x in held.items()}

    def tensors(self) -> Frames:
        """Return all of it, to be saved."""
        return self.frames | {"place": torch.tensor([self.start, self.window])}

    @classmethod
    def restored(cls, tensors: Frames, setup: RolloutSetup) -> Held:
        """Return what `tensors` said, ready to go on."""
        start, window = tensors["place"].tolist()
        device = setup.noise.like.device
        held = {name: x.to(device) for name, x in tensors.items() if name != "place"}
        return cls(start, window, held)


def first_frames(setup: RolloutSetup, start: int, stop: int) -> Frames:
    """Return what the first evaluation takes in: noise, and what is given."""
    x = setup.first_state(start, stop)
    if setup.given is not None:
        given = setup.given[:, :, start:stop]
        x[:, :, : given.shape[2]] = given
    return {"x": x}


def times_of(setup: RolloutSetup, row: int, start: int, stop: int) -> Tensor:
    """Return the times of the frames start ... stop - 1 at a row of the plan, (1, f)."""
    num_given = 0 if setup.given is None else setup.given.shape[2]
    given = min(max(num_given - start, 0), stop - start)
    return plans.given_frames(setup.times, stop - start, given)[row : row + 1]


def stepped(setup: RolloutSetup, evaluation: Evaluation, start: int, frames: Frames) -> Frames:
    """Return what the next evaluation takes in: the frames from `start` on, one step further."""
    x, x0, stop = frames["x"], frames["total"] / frames["weight"], start + frames["x"].shape[2]

    def step_at(row: int) -> Step:
        t, t_next = (times_of(setup, k, start, stop) for k in (row, row + 1))
        return Step(setup.path, t, t_next)

    step, past, ahead, fresh = step_at(evaluation.row), None, None, None
    if evaluation.is_ahead:
        x0, ahead = frames["before"], x0
    elif setup.solver.looks_ahead and setup.times[evaluation.row + 1] > 0:
        return {"x": x, "before": x0, "ahead": step.apply(x, x0)}
    elif "before" in frames:
        past = Past(step_at(evaluation.row - 1), frames["before"])
    if setup.solver.eta:  # by row and place, so that a run taken up again draws the same
        fresh = setup.noise.fresh(evaluation.row + setup.num_steps * start)(x.shape).to(x)
    estimate = setup.solver.estimate(x0, step, past, ahead)
    if setup.progress is not None:
        setup.progress(evaluation.row + 1, step.t_next[0], x0)
    return {"x": step.apply(x, estimate, setup.solver.eta, fresh), "before": x0}


@dataclass(frozen=True)
class Blend(Strategy):
    """A video of any length and size as the blend of windows that the denoiser can see.

    Joins there are none, but what lies further apart than a window agrees only through the
    windows between.

    Args:
        window: frames the denoiser sees at once.
        overlap: frames that neighboring windows share, at least.
        tile: (rows, columns) that it sees at once; None: all.
        tile_overlap: rows and columns that neighboring tiles share, at least.
    """

    window: int
    overlap: int
    tile: tuple[int, int] | None = None
    tile_overlap: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.window:
            raise UserError(
                f"The overlap is {self.overlap}: windows of {self.window} frames share at most "
                f"{self.window - 1}."
            )
        if self.tile is not None and not 0 <= self.tile_overlap < min(self.tile):
            raise UserError(
                f"`tile_overlap` is {self.tile_overlap}: it lies below the sides of a tile, "
                f"{self.tile[0]} and {self.tile[1]}."
            )

    @property
    def horizon(self) -> int:
        """Frames back that every frame sees in one of its windows, at least."""
        return self.overlap

    def rollout(
        self, setup: RolloutSetup, num_frames: int, state: RolloutState | None = None
    ) -> Iterator[Segment]:
        windows = windows_over(num_frames, self.window, self.overlap)
        evaluations, made = evaluations_of(setup), 0 if state is None else state.made
        stages = [Held() for _ in evaluations] if state is None else restored(state, setup)
        for window in windows[stages[0].window :]:
            frames: Frames | None = first_frames(setup, stages[0].stop, window.stop)
            for evaluation, held in zip(evaluations, stages, strict=True):
                if frames is not None:
                    frames = self.pass_on(setup, evaluation, held, frames, windows)
            final = None if frames is None else frames["x"]
            made += 0 if final is None else final.shape[2]
            yield Segment(final, RolloutState(made, saved(stages)))

    def pass_on(
        self,
        setup: RolloutSetup,
        evaluation: Evaluation,
        held: Held,
        frames: Frames,
        windows: list[slice],
    ) -> Frames | None:
        """Take frames in, denoise the windows that are complete, and let out what is done."""
        held.take_in(frames)
        while held.window < len(windows) and windows[held.window].stop <= held.stop:
            self.denoise(setup, evaluation, held, windows[held.window], windows[-1].stop)
            held.window += 1
        start, is_over = held.start, held.window == len(windows)
        done = held.stop if is_over else windows[held.window].start
        return stepped(setup, evaluation, start, held.let_out(done)) if done > start else None

    def denoise(
        self,
        setup: RolloutSetup,
        evaluation: Evaluation,
        held: Held,
        window: slice,
        num_frames: int,
    ) -> None:
        """Add what a window says of its frames to what is held, tile by tile."""
        here = slice(window.start - held.start, window.stop - held.start)
        names = evaluation.seen, "total", "weight"
        seen, total, weights = (held.frames[name][:, :, here] for name in names)
        t = network_times(evaluation.times(setup, window.start, window.stop), seen)
        denoise = setup.at((window.start + window.stop) // 2)
        height, width = seen.shape[3:]
        for rows, columns in self.tiles(height, width):
            sides = hat(window, num_frames), hat(rows, height), hat(columns, width)
            f, h, w = (side.to(seen) for side in sides)
            weight = einsum(f, h, w, "f, h, w -> f h w")
            total[..., rows, columns] += weight * denoise(seen[..., rows, columns], t)
            weights[..., rows, columns] += weight

    def tiles(self, height: int, width: int) -> product[tuple[slice, slice]]:
        rows, columns = self.tile or (height, width)
        return product(
            windows_over(height, rows, self.tile_overlap),
            windows_over(width, columns, self.tile_overlap),
        )

    def calls(self, num_frames: int, num_steps: int) -> dict[int, int]:
        windows = windows_over(num_frames, self.window, self.overlap)
        return {min(self.window, num_frames): len(windows) * num_steps}


def saved(stages: list[Held]) -> dict[str, Tensor]:
    """Return what all evaluations hold as named tensors."""
    parts = enumerate(held.tensors() for held in stages)
    return {f"{number}.{name}": x for number, part in parts for name, x in part.items()}


def restored(state: RolloutState, setup: RolloutSetup) -> list[Held]:
    """Return what `saved` named."""
    parts: list[Frames] = [{} for _ in evaluations_of(setup)]
    for key, x in state.tensors.items():
        number, name = key.split(".")
        parts[int(number)][name] = x
    return [Held.restored(part, setup) for part in parts]
