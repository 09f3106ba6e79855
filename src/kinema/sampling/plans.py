"""A plan is a matrix of times, (num_steps + 1, num_frames): row by row, from noise to clean.

Text to video, image to video, continuation, interpolation and rolling generation differ in the
plan alone. A frame whose column is 0 throughout is given; a frame whose time does not change in a
step is not touched by that step. Plans are float64 on the CPU: times near 1 need their digits.

Every plan is made from `steps`: the times of one frame, from `times` or `karras`, or a number of
equal steps. All that samples builds its plans here: `rollout` for long videos too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kinema.diffusion.path import Path, shift_times
from kinema.errors import UserError

Steps = int | Tensor  # a number of equal steps, or the falling times of one frame


def times(num_steps: int, shift: float = 1.0, strength: float = 1.0) -> Tensor:
    """Make the times of one frame, (num_steps + 1,), which fall to 0 in equal steps.

    Args:
        num_steps: at least 1.
        shift: above 1 spends more of the steps near noise (`diffusion.shift_times`).
        strength: the first time, in (0, 1]. 1 is noise; video to video starts below.

    Raises:
        UserError: if a number is out of its range.
    """
    if num_steps < 1:
        raise UserError(f"`num_steps` is {num_steps}: at least one step is needed.")
    if not 0 < strength <= 1:
        raise UserError(f"The strength is {strength}: it lies above 0 (keep all) and up to 1.")
    equal = torch.linspace(1, 0, num_steps + 1, dtype=torch.float64)
    return strength * shift_times(equal, shift)


def karras(
    path: Path, num_steps: int, ratio_min: float = 0.002, ratio_max: float = 80.0, rho: float = 7.0
) -> Tensor:
    """Make the times of one frame, equal in (sigma / alpha)^(1 / rho) (Karras et al. 2022, eq. 5).

    A path that ends at a smaller ratio than `ratio_max` is spaced from there. The first time is
    1 and not that of `ratio_max`: a sample starts from noise alone.
    """
    one = torch.ones(1, dtype=torch.float64)
    end = (path.sigma(one) / path.alpha(one)).clamp(max=ratio_max) ** (1 / rho)
    u = torch.linspace(0, 1, num_steps, dtype=torch.float64)
    t = path.time_of((end + u * (ratio_min ** (1 / rho) - end)) ** rho)
    t[0] = 1
    return torch.cat([t, torch.zeros(1, dtype=torch.float64)])


def together(steps: Steps, num_frames: int) -> Tensor:
    """Plan text to video, or video to video: all frames go to 0 together."""
    levels = times(steps) if isinstance(steps, int) else steps
    return levels[:, None].repeat(1, num_frames)


def given_frames(steps: Steps, num_frames: int, given: int | Sequence[int] = 1) -> Tensor:
    """Plan around given frames: the first `given`, or those at the indices `given`, stay at 0.

    The first frame given is image to video, the last frames of the window before are a
    continuation, and every n-th frame is interpolation.

    Raises:
        UserError: if a given frame lies outside.
    """
    plan = together(steps, num_frames)
    given = range(given) if isinstance(given, int) else given
    for index in given:
        if not 0 <= index < num_frames:
            raise UserError(f"Given frame {index} lies outside a clip of {num_frames} frames.")
        plan[:, index] = 0
    return plan


def staircase(
    steps: Steps,
    frames: int | range,
    delay: int = 1,
    chunk: int = 1,
    given: int = 0,
    rows: range | None = None,
) -> Tensor:
    """Plan pyramid, rolling and autoregressive generation: early frames reach 0 first.

    Each frame takes all steps, and each chunk of frames starts `delay` rows after the one before
    it. delay 0: together; small: a pyramid (diffusion forcing); num_steps: chunk after chunk,
    autoregressive. In between, a window of num_steps / delay chunks rolls on.

    Args:
        steps: the times of one frame, or how many equal steps.
        frames: how many, the given ones included; or which columns of an endless plan.
        delay: rows between the starts of neighboring chunks, in [0, num_steps].
        chunk: frames that move together.
        given: the first frames, which stay at 0.
        rows: which rows of the plan; all until the last frame is clean unless named.

    Returns:
        times, (rows, frames); by default num_steps + delay * (number of chunks - 1) + 1 rows.

    Raises:
        UserError: if delay or chunk is out of its range.
    """
    levels = times(steps) if isinstance(steps, int) else steps
    num_steps = len(levels) - 1
    if not 0 <= delay <= num_steps:
        raise UserError(f"The delay is {delay}: it lies between 0 and num_steps ({num_steps}).")
    if chunk < 1:
        raise UserError(f"The chunk is {chunk}: it must be 1 or more.")
    frames = range(frames) if isinstance(frames, int) else frames
    index = torch.arange(frames.start, frames.stop)
    start = (index - given).clamp(min=0) // chunk * delay
    rows = range(num_steps + int(start[-1]) + 1) if rows is None else rows
    plan = levels[(torch.arange(rows.start, rows.stop)[:, None] - start).clamp(0, num_steps)]
    return torch.where(index < given, 0.0, plan)
