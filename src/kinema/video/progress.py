"""A bar that moves with the steps, on a terminal only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import nn


@contextmanager
def steps_of(denoiser: nn.Module, total: int, shown: bool) -> Iterator[None]:
    """Show a bar that moves with the calls of a denoiser, of which there will be about `total`."""
    with step_bar(total, shown) as advance:
        watch = denoiser.register_forward_hook(lambda *_: advance())
        try:
            yield
        finally:
            watch.remove()


@contextmanager
def step_bar(total: int, shown: bool) -> Iterator[Callable[[], None]]:
    """Yield a function to call after every step; nothing is printed where nobody watches."""
    console = Console(stderr=True)
    columns = (
        TextColumn("making"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    hidden = not (shown and console.is_terminal)
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)
