"""What the official pipeline gives its network, found by calling it and stopping at the first step.

Templates, maximal lengths, masks, rotary tables, encoded pictures, embedded guidance, the schedule:
a pipeline of diffusers makes all of it from its arguments, right before its loop. So the pipeline
is called as its user would call it, with a network that only writes down what it is given, and a
scheduler that stops it where the first step would be taken. Of the library this touches two names,
`network.forward` and `scheduler.step`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from kinema.errors import UserError, brief
from kinema.interop.families import Family
from kinema.interop.schedules import Schedule, read_schedule

Arguments = dict[str, Any]
# What a ControlNet says of the first step's latents: in the second it would be stale.
OF_ONE_STEP = (
    "down_block_additional_residuals",
    "mid_block_additional_residual",
    "block_controlnet_hidden_states",
)


@dataclass(frozen=True)
class Call:
    """What a network is given for one video, beside x and t."""

    arguments: Arguments
    x: Tensor  # the latents that the pipeline drew, one row in the network's own layout


@dataclass(frozen=True)
class Prepared:
    """What the official pipeline made of its arguments, for one video of one length."""

    cond: Call  # with the prompt
    uncond: Call | None  # what guidance leads away from; None if the pipeline asks for none
    schedule: Schedule


class FirstStep(Exception):
    """The pipeline has reached its loop, and is stopped there."""


class Answer(tuple):
    """What a recorded network returns, to be read as `answer[0]` or as `answer.sample`."""

    @property
    def sample(self) -> Tensor:
        return self[0]


def prepare(
    pipe: Any, networks: Sequence[nn.Module], family: Family, options: Arguments
) -> Prepared:
    """Let the official pipeline prepare one video.

    Args:
        pipe: a pipeline of diffusers.
        networks: those that denoise in it.
        family: the row of their class.
        options: what the pipeline is called with.

    Raises:
        UserError: if the pipeline does not know an option, refuses a value, or does something
            that the table has no row for.
    """
    known = inspect.signature(pipe.__call__).parameters
    for name in options:
        if name not in known:
            raise UserError(f"A {type(pipe).__name__} takes no {name!r}: leave it out.")
    with recorded(networks, pipe.scheduler, family) as calls:
        try:
            with suppress(FirstStep):
                pipe(**options, output_type="latent")
        except (ValueError, TypeError, AttributeError, RuntimeError, AssertionError) as error:
            kind = type(pipe).__name__
            raise UserError(f"A {kind} cannot do this: {brief(error, 200)}.") from error
    stale = [name for name in OF_ONE_STEP if calls[0].get(name) is not None]
    if stale:
        raise UserError(
            f"A {type(pipe).__name__} computes {stale[0]} anew in every step, which kinema cannot "
            "take over: use a pipeline without a ControlNet."
        )
    schedule = read_schedule(pipe.scheduler)
    cond, uncond = branches(calls, family)
    check_time(cond.arguments.pop(family.t), schedule)
    if uncond is not None:
        uncond.arguments.pop(family.t)
    return Prepared(cond, uncond, schedule)


@contextmanager
def recorded(
    networks: Sequence[nn.Module], scheduler: Any, family: Family
) -> Iterator[list[Arguments]]:
    """Within the block, networks only write down their arguments, and the first step stops all.

    Returns:
        the arguments of every call by their names, in a list that fills up.
    """
    calls: list[Arguments] = []

    def recording(network: nn.Module) -> Any:
        signature = inspect.signature(type(network).forward)

        def forward(*args: Any, **kwargs: Any) -> Answer:
            bound = signature.bind(network, *args, **kwargs)
            _, *arguments = bound.arguments.items()
            calls.append(dict(arguments))
            return Answer([torch.zeros_like(calls[-1][family.x])])

        return forward

    def stop(*args: Any, **kwargs: Any) -> None:
        raise FirstStep

    before = [vars(network).get("forward") for network in networks]  # a hook for offloading
    for network in networks:
        network.forward = recording(network)
    scheduler.step = stop
    try:
        yield calls
    finally:
        del scheduler.step
        for network, forward in zip(networks, before, strict=True):
            del network.forward
            if forward is not None:
                network.forward = forward


def branches(calls: Sequence[Arguments], family: Family) -> tuple[Call, Call | None]:
    """Return the calls with the prompt and without it.

    Pipelines make them one after the other, the one with the prompt first; or as one call of two
    rows, of which the second has the prompt.
    """
    rows = [len(arguments[family.x]) for arguments in calls]
    if rows == [1]:
        return call_of(calls[0], family), None
    if rows == [1, 1]:
        return call_of(calls[0], family), call_of(calls[1], family)
    if rows == [2]:
        without, with_prompt = (call_of(row(calls[0], i), family) for i in range(2))
        return with_prompt, without
    raise UserError(
        f"This pipeline asks its network for {rows} rows in a step, and only one or two branches "
        "of guidance are known here."
    )


def call_of(arguments: Arguments, family: Family) -> Call:
    left_out = (family.x, "return_dict")
    others = {name: value for name, value in arguments.items() if name not in left_out}
    return Call(others, arguments[family.x])


def row(arguments: Arguments, index: int) -> Arguments:
    """Return the arguments of one of two branches that are called together.

    Tensors hold the branches one after the other along their first axis; tables (tuples) serve
    both.
    """

    def of(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: of(inner) for name, inner in value.items()}
        if isinstance(value, Tensor) and value.ndim and len(value) % 2 == 0:
            return value.chunk(2)[index]
        return value

    return {name: of(value) for name, value in arguments.items()}


def check_time(told: Any, schedule: Schedule) -> None:
    """Refuse a schedule that says another time than the network was told in the first step."""
    expected = float(schedule.timesteps(schedule.times[:1]))
    found = float(torch.as_tensor(told).max())
    if abs(found - expected) > 1e-5 * max(abs(expected), 1):
        raise UserError(
            f"The pipeline tells its network the time {found:g}, and its scheduler says "
            f"{expected:g}: there is no row for a network that is told other times."
        )
