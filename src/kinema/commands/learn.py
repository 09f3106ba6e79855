"""Commands about networks and their training: `kinema train`, `budget`, `denoisers`."""

import warnings
from collections.abc import Callable
from typing import Any

from kinema.commands.parser import Parser, announce, chosen
from kinema.errors import Notice, UserError, nearest
from kinema.help_pages import console, first_line
from kinema.options import read_options

FIRST = (
    "folder",
    "data",
    "data.size",
    "data.num_frames",
    "denoiser",
    "loop.num_samples",
    "loop.batch_size",
    "loop.learning_rate",
    "loop.precision",
    "loop.seed",
)
OF_THE_NETWORK = ("--denoiser", "--text.", "--prediction", "--codec.")


def train(argv: list[str]) -> None:
    """a codec or a text-to-video system, from nothing"""
    if argv:
        announce(argv, f"Loading the recipe {argv[0]}.")
    from kinema.recipes import RECIPES
    from kinema.training.tasks.judge import JudgeRun

    recipes: dict[str, Callable[[], Any]] = {**RECIPES, "tabletop-judge": JudgeRun}
    argv = [renamed(word) for word in argv]
    name, rest = chosen("train", "recipe", argv, {k: first_line(v) for k, v in recipes.items()})
    if name is not None and (run := configured(f"kinema train {name}", recipes[name](), rest)):
        refuse_ignored(run, rest)
        announce(rest, f"Training into {run.folder}.")
        run.train()


def configured(prog: str, run: Any, argv: list[str]) -> Any:
    """Fill in a run from the command line, where networks go by name; None after printing."""
    from kinema.denoisers import FAMILIES, SIZES, named_config

    networks = {name: named_config(name) for name in [*SIZES, *FAMILIES]}
    return read_options(prog, run, argv, FIRST, {"denoiser": networks})


def renamed(word: str) -> str:
    """Return an option by its name of today: what was --wear is --degradation."""
    if not word.startswith("--wear."):
        return word
    now = word.replace("--wear", "--degradation", 1)
    warnings.warn(f"{word.split('=')[0]} is {now.split('=')[0]} now.", Notice, stacklevel=2)
    return now


def refuse_ignored(run: Any, argv: list[str]) -> None:
    """Raise a UserError for an option that says what the network is, where `init` says it."""
    for word in argv if getattr(run, "init", "") else []:
        if word.startswith(OF_THE_NETWORK):
            raise UserError(
                f"{word.split('=')[0]} has no effect with init, {run.init}, whose network is "
                "trained further: leave it out, or start from nothing with --init ''."
            )


def denoisers(argv: list[str]) -> None:
    """the networks there are, with parameters and FLOPs"""
    parser = Parser("kinema denoisers", str(denoisers.__doc__))
    parser.add_argument("names", nargs="*", metavar="FAMILIES", help="of these, at all sizes")
    chosen_names = parser.parse_args(argv).names
    announce(argv, "Counting the parameters and the operations of every network.")
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
    if argv:
        announce(argv, f"Loading what {argv[0]} needs.")
    from kinema import budget as room
    from kinema.recipes import RECIPES

    offered = {"generate": first_line(room.Buckets)}
    offered |= {name: first_line(recipe) for name, recipe in RECIPES.items()}
    name, rest = chosen("budget", "subject", argv, offered)
    if name == "generate":
        if buckets := read_options("kinema budget generate", room.Buckets(), rest):
            room.run(buckets)
    elif name is not None and (run := configured(f"kinema budget {name}", RECIPES[name](), rest)):
        room.run_training(name, run.task(), run.loop)
