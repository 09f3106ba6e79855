"""Levenberg-Marquardt through the renderer: all frames of a clip together.

The derivative of the picture is taken by rendering it again with one number of every frame moved
a little. Poses are free in every frame but for what the world's mechanics makes likely: paths
bend little, and what does not fly rests on the table. Numbers that all frames share are the
radii and, where it is freed, camera and light.
Axes: f frames, p values of a picture, q pose numbers a frame of all freed solids, s shared numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from kinema.judges.synthesis.solids import HEIGHT, POSES, TURN, Guess, Solid, picture

STEPS = torch.tensor([0.04, 0.10, 0.05, 0.10])  # of x, y, height, turn, that a derivative takes
FARTHEST = torch.tensor([0.25, 0.5, 0.35, 0.35])  # that a pose goes at once
BEND = torch.tensor([0.08, 0.04, 0.5, 0.4])  # likely second differences, one frame apart
FLIGHT = 0.04  # units above the table at which a solid counts as resting
GROUNDED = 10.0  # how much a frame above the table costs, in the units of the errors
NOISE = 0.15  # of the range of a channel: errors far above count little (Cauchy)
DAMPING = 0.02  # of the first step, of the curvature


@dataclass
class Target:
    """What is to be explained."""

    frames: Tensor  # (f h w 3) in [0, 1]
    times: np.ndarray  # (f,) seconds
    known: Tensor  # (k f) bool: the object is seen well enough to be placed

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return (self.frames.shape[1], self.frames.shape[2])

    @property
    def spacing(self) -> float:
        """Sixteenths of a second between frames."""
        return 16.0 * float(self.times[-1] - self.times[0]) / max(len(self.times) - 1, 1)

    def some(self, index: np.ndarray) -> "Target":
        """The same at some of the frames."""
        return Target(self.frames[index], self.times[index], self.known[:, index])

    def render(self, guess: Guess, copies: int = 1) -> Tensor:
        """Render solids whose poses hold `copies` of the clip's frames: (copies f h w 3)."""
        return picture(guess, np.tile(self.times, copies), self.size)

    def errors(self, guess: Guess) -> Tensor:
        """Compute how far the picture is from the frames, less of what is far (f h w 3)."""
        return robust(self.render(guess) - self.frames)

    def loss(self, guess: Guess) -> float:
        """Compute the mean of the errors."""
        return float(self.errors(guess).mean())


def robust(error: Tensor) -> Tensor:
    """Give the logarithm of a Cauchy density, up to sign and constants."""
    return torch.log1p((error / NOISE).square())


def improve(
    target: Target, guess: Guess, which: Sequence[int], rounds: int, staging: bool = False
) -> tuple[Guess, float]:
    """Move and size solids so that the picture comes nearer to the target.

    Args:
        target: what is to be explained.
        guess: where to start.
        which: the numbers of the solids that may move.
        rounds: Newton steps.
        staging: whether camera and light may change too.

    Returns:
        the better guess, and its loss.
    """
    damping, lowest = DAMPING, total(target, guess, which)
    for _ in range(rounds):
        tried = newton_step(target, guess, which, staging, damping)
        loss = total(target, tried, which)
        if loss < lowest:
            guess, lowest, damping = tried, loss, damping * 0.3
        else:
            damping *= 10.0
    return guess, target.loss(guess)


def total(target: Target, guess: Guess, which: Sequence[int]) -> float:
    """Add up the errors and how unlikely paths, camera and light are."""
    loss = float(target.errors(guess).sum()) + guess.oddness()
    for number in which:
        bend, height, stiff, resting = habits(guess.solids[number], target.spacing)
        loss += float((stiff * bend.square()).sum() + (resting * height.square()).sum())
    return loss


def habits(solid: Solid, spacing: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Second differences (f-2 4) and heights (f,) of a path, and their weights (4,) and (f,)."""
    poses = solid.poses
    bend, height = poses[2:] - 2 * poses[1:-1] + poses[:-2], poses[:, HEIGHT]
    resting = GROUNDED / (FLIGHT**2 + height.square())  # the higher, the less the table attracts it
    return bend, height, (1.0 / (BEND * spacing**1.5)).square(), resting


def newton_step(
    target: Target, guess: Guess, which: Sequence[int], staging: bool, damping: float
) -> Guess:
    """Solve the damped normal equations and take the step."""
    shared = guess.shared(which, staging)
    base, slopes, common = derivatives(target, guess, which, shared)
    error = base - target.frames.flatten(1)
    weight = 1.0 / (NOISE**2 + error.square())
    f, q, s = len(error), slopes.shape[2], common.shape[2]
    weighted = slopes * weight[:, :, None]
    normal, right = torch.zeros(f * q + s, f * q + s), torch.zeros(f * q + s)
    normal[: f * q, : f * q] = torch.block_diag(*(weighted.transpose(1, 2) @ slopes))
    mixed = (weighted.transpose(1, 2) @ common).flatten(0, 1)
    normal[: f * q, f * q :], normal[f * q :, : f * q] = mixed, mixed.T
    normal[f * q :, f * q :] = torch.einsum("fp,fpi,fpj->ij", weight, common, common)
    right[: f * q] = torch.einsum("fpq,fp->fq", weighted, error).flatten()
    right[f * q :] = torch.einsum("fps,fp,fp->s", common, weight, error)
    add_habits(normal, right, target, guess, which)
    guess.add_oddness(shared, normal[f * q :, f * q :], right[f * q :])
    diagonal = normal.diagonal()
    normal += torch.diag(damping * diagonal + 1e-5 * diagonal[: f * q].mean() + 1e-6)
    change = -torch.linalg.solve(normal, right)
    steps = change[: f * q].view(f, len(which), len(POSES)).clamp(-FARTHEST, FARTHEST)
    guess = guess.nudged(shared, change[f * q :])
    for n, number in enumerate(which):
        guess = guess.replaced(number, moved(guess.solids[number], steps[:, n]))
    return guess


def add_habits(
    normal: Tensor, right: Tensor, target: Target, guess: Guess, which: Sequence[int]
) -> None:
    """Add to the normal equations that paths bend little and that solids rest on the table."""
    f, q = len(target.times), len(POSES) * len(which)
    second = torch.diff(torch.eye(f), n=2, dim=0)  # (f-2 f)
    for n, number in enumerate(which):
        bend, height, stiff, resting = habits(guess.solids[number], target.spacing)
        for i in range(len(POSES)):
            rows = slice(n * len(POSES) + i, f * q, q)
            normal[rows, rows] += stiff[i] * (second.T @ second)
            right[rows] += stiff[i] * (second.T @ bend[:, i])
        rows = slice(n * len(POSES) + HEIGHT, f * q, q)
        normal[rows, rows] += torch.diag(resting)
        right[rows] += resting * height


def derivatives(
    target: Target, guess: Guess, which: Sequence[int], shared: Sequence[tuple[str, int]]
) -> tuple[Tensor, Tensor, Tensor]:
    """The picture (f p), and its slopes by every pose number (f p q) and shared one (f p s)."""
    columns = [
        (n, number, i)
        for n, number in enumerate(which)
        for i in range(len(POSES))
        if i != TURN or guess.solids[number].is_turned
    ]
    copies = 1 + len(columns)
    stacked = guess.repeated(copies)
    f = len(target.times)
    for copy, (_, number, i) in enumerate(columns, start=1):
        stacked.solids[number].poses[copy * f : (copy + 1) * f, i] += STEPS[i]
    pictures = target.render(stacked, copies).unflatten(0, (copies, f)).flatten(2)
    slopes = torch.zeros(*pictures.shape[1:], len(which) * len(POSES))
    for copy, (n, number, i) in enumerate(columns, start=1):
        slope = (pictures[copy] - pictures[0]) / STEPS[i]
        slopes[..., n * len(POSES) + i] = slope * target.known[number][:, None]
    sides = []
    for one in shared:
        step = guess.step(one)
        there = target.render(guess.nudged([one], torch.tensor([step])))
        sides.append((there.flatten(1) - pictures[0]) / step)
    return pictures[0], slopes, torch.stack(sides, dim=2)


def moved(solid: Solid, steps: Tensor) -> Solid:
    """Add steps (f 4) to the poses; nothing sinks into the table."""
    poses = solid.poses + steps
    poses[:, HEIGHT].clamp_(min=0.0)
    return replace(solid, poses=poses)


def turned(target: Target, guess: Guess, which: int, tries: int = 6) -> Guess:
    """Turn a solid in every frame to the best of some angles; round ones stay as they are."""
    solid = guess.solids[which]
    if not solid.is_turned:
        return guess
    angles = torch.arange(tries) * (solid.period / tries)
    stacked, f = guess.repeated(tries), len(target.times)
    stacked.solids[which].poses[:, TURN] = angles.repeat_interleave(f)
    errors = robust(target.render(stacked, tries).unflatten(0, (tries, f)) - target.frames)
    losses = errors.flatten(2).sum(2)
    together, alone = losses.sum(1).argmin(), losses.argmin(0)
    # One angle for all frames, unless another is clearly better in one of them.
    clear = losses.amin(0) < 0.93 * losses[together]
    poses = solid.poses.clone()
    poses[:, TURN] = torch.where(clear, angles[alone], angles[together])
    return guess.replaced(which, replace(solid, poses=poses))
