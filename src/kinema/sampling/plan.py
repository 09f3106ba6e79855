"""A plan is a matrix of times, (num_steps + 1, num_frames): row by row, from noise to clean.

Text to video, image to video, continuation, interpolation and rolling generation differ in the
plan alone. A frame whose column is 0 throughout is given; a frame whose time does not change in a
step is not touched by that step. Plans are float64 on the CPU: times near 1 need their digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from kinema.diffusion.noise import shift_times
from kinema.diffusion.path import Path
from kinema.errors import UserError, refuse_below

Spacing = Callable[[int], Tensor]  # num_steps -> (num_steps + 1,) times, falling from 1 to 0


def uniform(num_steps: int) -> Tensor:
    """Equal steps in t."""
    return torch.linspace(1, 0, num_steps + 1, dtype=torch.float64)


def karras(
    path: Path, ratio_min: float = 0.002, ratio_max: float = 80.0, rho: float = 7.0
) -> Spacing:
    """Equal steps in (sigma / alpha)^(1 / rho), EDM eq. 5, between pure noise and clean.

    A path that ends at a smaller ratio than `ratio_max` is spaced from there. The first time is
    1 and not that of `ratio_max`: a sample starts from noise alone.
    """
    one = torch.ones(1, dtype=torch.float64)
    end = (path.sigma(one) / path.alpha(one)).clamp(max=ratio_max) ** (1 / rho)

    def spacing(num_steps: int) -> Tensor:
        u = torch.linspace(0, 1, num_steps, dtype=torch.float64)
        t = path.time_of((end + u * (ratio_min ** (1 / rho) - end)) ** rho)
        t[0] = 1
        return torch.cat([t, torch.zeros(1, dtype=torch.float64)])

    return spacing


def times(num_steps: int, shift: float = 1.0, spacing: Spacing = uniform) -> Tensor:
    """The times of one frame, (num_steps + 1,), from 1 to 0.

    Args:
        num_steps: at least 1.
        shift: above 1 spends more of the steps near noise (`diffusion.noise.shift_times`).
        spacing: how the times lie before the shift.
    """
    if num_steps < 1:
        raise UserError(f"num_steps is {num_steps}: at least one step is needed.")
    return shift_times(spacing(num_steps), shift)


def together(
    num_steps: int, num_frames: int, shift: float = 1.0, spacing: Spacing = uniform
) -> Tensor:
    """Text to video: all frames go from 1 to 0 together."""
    return times(num_steps, shift, spacing)[:, None].repeat(1, num_frames)


def given_frames(
    num_steps: int,
    num_frames: int,
    given: int | Sequence[int] = 1,
    shift: float = 1.0,
    spacing: Spacing = uniform,
) -> Tensor:
    """Image to video: the first `given` frames, or those at the indices `given`, stay at 0."""
    plan = together(num_steps, num_frames, shift, spacing)
    given = range(given) if isinstance(given, int) else given
    for index in given:
        if not 0 <= index < num_frames:
            raise UserError(f"given frame {index} lies outside a clip of {num_frames} frames.")
        plan[:, index] = 0
    return plan


def continuation(
    num_steps: int,
    num_frames: int,
    overlap: int,
    shift: float = 1.0,
    spacing: Spacing = uniform,
) -> Tensor:
    """The next window of a longer video: its first `overlap` frames are the last ones made."""
    if not 0 < overlap < num_frames:
        raise UserError(
            f"overlap is {overlap}: between 1 and {num_frames - 1} of the window's "
            f"{num_frames} frames can be carried over."
        )
    return given_frames(num_steps, num_frames, overlap, shift, spacing)


def interpolation(
    num_steps: int,
    num_frames: int,
    stride: int,
    shift: float = 1.0,
    spacing: Spacing = uniform,
) -> Tensor:
    """Temporal super-resolution: every `stride`-th frame and the last stay at 0."""
    refuse_below(1, "interpolation", stride=stride)
    keys = sorted({*range(0, num_frames, stride), num_frames - 1})
    return given_frames(num_steps, num_frames, keys, shift, spacing)


def staircase(
    num_steps: int,
    num_frames: int,
    delay: int = 1,
    chunk: int = 1,
    given: int = 0,
    shift: float = 1.0,
    spacing: Spacing = uniform,
) -> Tensor:
    """Early frames reach 0 first: pyramid, rolling and autoregressive generation in one.

    Each frame takes `num_steps` steps, and each chunk of frames starts `delay` rows after the
    one before it. delay 0: together; small: a pyramid (diffusion forcing); num_steps: chunk
    after chunk, autoregressive. In between, a window of num_steps / delay chunks rolls on.

    Args:
        num_steps: steps of one frame.
        num_frames: all frames, the given ones included.
        delay: rows between the starts of neighbouring chunks, in [0, num_steps].
        chunk: frames that move together.
        given: the first frames, which stay at 0.
        shift: see `times`.
        spacing: see `times`.

    Returns:
        (num_steps + delay * (number of chunks - 1) + 1, num_frames) times.
    """
    if not 0 <= delay <= num_steps:
        raise UserError(f"delay is {delay}: it lies between 0 and num_steps ({num_steps}).")
    refuse_below(1, "staircase", chunk=chunk)
    levels = times(num_steps, shift, spacing)
    start = (torch.arange(num_frames) - given).clamp(min=0) // chunk * delay
    rows = torch.arange(num_steps + int(start[-1]) + 1)
    plan = levels[(rows[:, None] - start).clamp(0, num_steps)]
    plan[:, :given] = 0
    return plan


def strength(
    num_steps: int,
    num_frames: int,
    strength: float = 0.6,
    shift: float = 1.0,
    spacing: Spacing = uniform,
) -> Tensor:
    """Video to video and refinement: all frames start at t = `strength` in (0, 1]."""
    if not 0 < strength <= 1:
        raise UserError(f"strength is {strength}: it lies above 0 (keep all) and up to 1.")
    return strength * together(num_steps, num_frames, shift, spacing)
