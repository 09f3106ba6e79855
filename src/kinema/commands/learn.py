"""Commands about networks and their training: `kinema train`, `budget`, `denoisers`."""

from __future__ import annotations

import argparse
import dataclasses
import re
import warnings
from collections.abc import Callable
from typing import Any

from kinema.errors import Notice, UserError
from kinema.flags import Parser, chosen, console, first_line, nearest, typed


def train(argv: list[str]) -> None:
    """a codec or a text-to-video system, from nothing"""
    from kinema.recipes import RECIPES
    from kinema.training.tasks.judge import JudgeRun

    recipes: dict[str, Callable[[], Any]] = {**RECIPES, "tabletop-judge": JudgeRun}
    argv = [renamed(word) for word in argv]
    name, rest = chosen("train", "recipe", argv, {k: first_line(v) for k, v in recipes.items()})
    if name is None:
        return
    run = recipes[name]()
    denoiser, rest = named_denoiser(run, rest)
    values = typed(f"kinema train {name}", type(run), run, rest)
    if values is not None:
        run = type(run)(**values)
        if denoiser is not None:
            run.denoiser = denoiser
        refuse_ignored(run, argv)
        run.train()


def renamed(word: str) -> str:
    """An option by its name of today: what was --wear is --degradation."""
    if not word.startswith("--wear."):
        return word
    now = word.replace("--wear", "--degradation", 1)
    warnings.warn(f"{word.split('=')[0]} is {now.split('=')[0]} now.", Notice, stacklevel=2)
    return now


OF_THE_NETWORK = ("--denoiser", "--text.", "--prediction", "--codec.")


def refuse_ignored(run: Any, argv: list[str]) -> None:
    """Raise a UserError for an option that says what the network is, where `init` says it."""
    for word in argv if getattr(run, "init", "") else []:
        if word.startswith(OF_THE_NETWORK):
            raise UserError(
                f"{word.split('=')[0]} has no effect with init, {run.init}, whose network is "
                "trained further: leave it out, or start from nothing with --init ''."
            )


def named_denoiser(run: Any, argv: list[str]) -> tuple[Any, list[str]]:
    """The configuration that `--denoiser dit-base --denoiser.depth 4` asks for, and other flags.

    A configuration's class is a name too, UNetConfig. None where no denoiser is named.
    """
    from kinema.denoisers import DENOISERS, named_config

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--denoiser")
    options, others = parser.parse_known_args(argv)
    named = options.denoiser
    if not hasattr(run, "denoiser") or named is None:
        return None, argv
    classes = {
        network.config_class.__name__: network.config_class for network in DENOISERS.values()
    }
    config = classes[named]() if named in classes else named_config(named)
    given, rest, words = [], [], iter(others)
    for word in words:
        if word.startswith("--denoiser."):
            given += ["--" + word.removeprefix("--denoiser.")]
            given += [] if "=" in word else [next(words, "")]
        else:
            rest.append(word)
    values = typed(f"kinema train --denoiser {named}", type(config), config, given) or {}
    changed = {re.split(r"[.=]", flag[2:])[0].replace("-", "_") for flag in given}
    return dataclasses.replace(config, **{k: v for k, v in values.items() if k in changed}), rest


def denoisers(argv: list[str]) -> None:
    """the networks there are, with parameters and FLOPs"""
    parser = Parser("kinema denoisers", str(denoisers.__doc__))
    parser.add_argument("names", nargs="*", metavar="FAMILIES", help="of these, at all sizes")
    chosen_names = parser.parse_args(argv).names
    import torch
    from rich.table import Table

    from kinema.denoisers import FAMILIES, SIZES, count_flops, count_parameters, make_denoiser

    sizes = list(next(iter(FAMILIES.values())).sizes)
    sizes = sizes if chosen_names else sizes[:3]  # the largest take a while to count
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("family", no_wrap=True)
    for size in sizes:
        table.add_column(size, justify="right")
    table.add_column("what it is")
    for name in chosen_names or FAMILIES:
        if name not in FAMILIES:
            raise UserError(f"There is no denoiser {name!r}; {nearest(name, list(FAMILIES))}")
        cells = []
        for size in sizes:
            with torch.device("meta"):
                network = make_denoiser(SIZES[f"{name}-{size}"])
            gflops = count_flops(network, (network.config.channels, 9, 8, 8), 20) / 1e9
            cells.append(f"{count_parameters(network) / 1e6:.1f}M\n{gflops:.3g}G")
        table.add_row(name, *cells, FAMILIES[name].about)
    console(stderr=False).print(table)
    print(
        "\nParameters, and operations of one forward pass on 9x8x8 latents (33 frames of 64x64 "
        "pixels) with 20 words.\nkinema train tabletop --denoiser FAMILY-SIZE trains one, "
        "kinema denoisers FAMILY counts large and xl too."
    )


def budget(argv: list[str]) -> None:
    """memory and time of a video or a training run on this machine, and what to change to fit"""
    from kinema import budget as room
    from kinema.recipes import RECIPES

    offered = {"generate": first_line(room.run)}
    offered |= {name: first_line(recipe) for name, recipe in RECIPES.items()}
    name, rest = chosen("budget", "subject", argv, offered)
    if name == "generate":
        values = typed("kinema budget generate", room.run, None, rest)
        if values is not None:
            room.run(**values)
    elif name is not None:
        run: Any = RECIPES[name]()
        values = typed(f"kinema budget {name}", type(run), run, rest)
        if values is not None:
            run = type(run)(**values)
            room.run_training(name, run.task(), run.loop)
