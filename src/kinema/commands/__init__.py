"""The commands: functions of an argument list, grouped as `kinema --help` shows them."""

from collections.abc import Callable

from kinema.commands.about import info
from kinema.commands.curves import plot
from kinema.commands.judge import check, distance, probe
from kinema.commands.learn import budget, denoisers, train
from kinema.commands.make import generate, world
from kinema.commands.weights import models

COMMANDS: dict[str, dict[str, Callable[[list[str]], int | None]]] = {
    "Make": {"generate": generate, "world": world},
    "Learn": {"train": train, "budget": budget, "denoisers": denoisers},
    "Judge": {"check": check, "distance": distance, "probe": probe},
    "About": {"models": models, "info": info, "plot": plot},
}

__all__ = ["COMMANDS"]
