"""The commands. What costs time to import (torch, OpenCV) is imported by the command that needs it.

A mistake of the user is one sentence on stderr and exit status 2; Ctrl-C is one line and 130;
anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import argparse
import dataclasses
import errno
import importlib
import itertools
import os
import re
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kinema
from kinema.errors import Notice, UserError
from kinema.flags import (
    Parser,
    Row,
    chosen,
    console,
    first_line,
    nearest,
    print_page,
    typed,
)

PROMPT = "a red ball rolls to the right behind a blue cube"
EXAMPLES = f"""\
kinema generate "{PROMPT}" -o ball.mp4
kinema generate "a green cone spins" -n 4 --seed 7 -o cones.gif
kinema generate "the ball bounces" --continue-from ball.mp4 -o longer.mp4
kinema world tabletop -n 16 --level 2 -o clips
kinema train tabletop --folder runs/mine --loop.num_samples 200000"""

GENERATE_EXAMPLES = f"""\
kinema generate "{PROMPT}" -o ball.mp4
kinema generate "a green cone spins" --image first.png --num-frames 49
kinema generate "the ball bounces" --continue-from ball.mp4 -o longer.mp4
kinema generate "0: a red ball rolls; 120: a blue cube spins" --long sliding --num-frames 1000"""

CHECK_EXAMPLES = """\
kinema check clip.mp4
kinema check new/ --against old/ --html report.html
kinema check --blind old/ new/ --html vote.html
kinema check --blind vote.key.json *.votes.json
kinema check new/ --gate consistency.yaml --junit gates.xml"""

DISTANCE_EXAMPLES = """\
kinema distance made/ real/
kinema distance made/ real/ --features i3d --weights i3d_torchscript.pt
kinema distance made/ real/ --features clip --weights openai/clip-vit-base-patch32"""


# ---- make ---------------------------------------------------------------------------------------


def generate(argv: list[str]) -> None:
    """a video from a prompt, a first frame, or a clip to go on from"""
    options = generate_parser().parse_args(argv)
    from kinema import clips

    name = options.output or f"{slug(options.prompt)}-{options.seed}.mp4"
    output = clips.check_stream_target(name) if options.long else clips.check_target(name)
    began = time.monotonic()
    with console().status(f"loading {options.model}"):
        pipe = kinema.load(options.model).to(device_named(options.device))
    given = {name: value for name, value in vars(options).items() if value is not None}
    for name in ("prompt", "model", "output", "device", "long"):
        given.pop(name, None)
    if options.long:
        return generate_long(pipe, options.prompt, options.long, output, given)
    made = pipe(options.prompt, progress=True, **given)
    files = made.save(output)
    n, f, h, w, _ = made.frames.shape
    seconds = time.monotonic() - began
    print(f"{n} x {f} frames of {h}x{w} at {made.fps:g} fps, seed {made.seed}, {seconds:.1f} s")
    print(*files, sep="\n")


def generate_long(
    pipe: Any, prompt: str, strategy: str, output: Path, given: dict[str, Any]
) -> None:
    """A video of any length, written as it is made; killed, the same command goes on."""
    from kinema import video

    began = time.monotonic()
    chosen = video.strategy_named(strategy, pipe.system, pipe.codec)
    made = video.generate_long(pipe, prompt, chosen, output, **given)
    seconds = time.monotonic() - began
    print(f"{made.num_frames} frames by {chosen}, seed {given['seed']}, {seconds:.1f} s")
    print(made.path)


def generate_parser() -> Parser:
    parser = Parser("kinema generate", str(generate.__doc__), GENERATE_EXAMPLES)
    parser.add_argument("prompt", metavar="PROMPT", help="what the video shows")
    video = parser.add_argument_group("Video (default: as the model was trained)")
    video.add_argument("--num-frames", type=int, metavar="N", help="frames to make")
    video.add_argument("--size", type=size, metavar="HxW", help="height and width, or one side")
    video.add_argument("--fps", type=float, metavar="F", help="frames per second of the file")
    start = parser.add_argument_group("Start from")
    start.add_argument("--image", metavar="FILE", help="a picture: the first frame")
    start.add_argument("--continue-from", metavar="CLIP", help="a video to go on from")
    long = parser.add_argument_group("Longer than the model was trained for")
    long.add_argument(
        "--long", metavar="NAME",
        help="sliding, splice, rolling, autoregressive, keyframes, blend; PROMPT may be a story, "
        '"0: a ball rolls; 120: a cube spins"',
    )  # fmt: skip
    sampling = parser.add_argument_group("Sampling")
    sampling.add_argument("--seed", type=int, default=0, metavar="N", help="video k uses seed + k")
    sampling.add_argument("--num-steps", type=int, metavar="N", help="steps from noise to video")
    sampling.add_argument("--guidance-scale", type=float, metavar="S", help="1 is off")
    sampling.add_argument("--negative-prompt", metavar="TEXT", help="what to lead away from")
    other = parser.add_argument_group("Model and result")
    other.add_argument(
        "--model", default="tabletop", metavar="NAME", help="one that ships, a folder, a hub id"
    )
    other.add_argument(
        "-n", "--num-videos", type=int, metavar="N", help="several, with a contact sheet"
    )
    other.add_argument("-o", "--output", metavar="FILE", help=".mp4, .gif, .webp, .mkv (lossless)")
    other.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda")
    return parser


def world(argv: list[str]) -> None:
    """synthetic clips whose captions, flow, depth and events are known"""
    parser = Parser("kinema world", str(world.__doc__))
    parser.add_argument("name", metavar="NAME", help="tabletop, discs, gaussian")
    clip = parser.add_argument_group("Clips")
    clip.add_argument("-n", "--num-clips", type=int, default=16, metavar="N", help="how many")
    clip.add_argument("--size", type=size, default=64, metavar="HxW", help="height and width")
    clip.add_argument("--frames", type=int, default=33, metavar="N", help="frames of each")
    clip.add_argument("--seed", type=int, default=0, metavar="N", help="clip k uses seed + k")
    scene = parser.add_argument_group("Scenes")
    scene.add_argument("--level", type=int, default=1, metavar="L", help="1 easy to 4 everything")
    scene.add_argument(
        "--split", default="train", metavar="NAME", help="train, held_out (new combinations), all"
    )
    result = parser.add_argument_group("Result")
    result.add_argument("-o", "--output", default=None, metavar="DIR", help="default: NAME")
    options = parser.parse_args(argv)
    from kinema.worlds.writing import Rendering, write_world

    folder = Path(options.output or options.name)
    rendering = Rendering(options.frames, options.size, options.level, options.split)
    write_world(options.name, folder, options.num_clips, options.seed, rendering)
    print(f"{options.num_clips} clips in {folder}, with metadata.jsonl and a contact sheet")


# ---- learn --------------------------------------------------------------------------------------


def train(argv: list[str]) -> None:
    """a codec or a text-to-video system, from nothing"""
    from kinema.probes.judge import JudgeRun
    from kinema.recipes import RECIPES

    recipes: dict[str, Callable[[], Any]] = {**RECIPES, "tabletop-judge": JudgeRun}
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
        run.train()


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


def plan(argv: list[str]) -> None:
    """memory and time of a video or a training run on this machine, and what to change to fit"""
    from kinema.probes import plan as planning
    from kinema.recipes import RECIPES

    offered = {"generate": first_line(planning.run)}
    offered |= {name: first_line(recipe) for name, recipe in RECIPES.items()}
    name, rest = chosen("plan", "subject", argv, offered)
    if name == "generate":
        values = typed("kinema plan generate", planning.run, None, rest)
        if values is not None:
            planning.run(**values)
    elif name is not None:
        run: Any = RECIPES[name]()
        values = typed(f"kinema plan {name}", type(run), run, rest)
        if values is not None:
            run = type(run)(**values)
            planning.run_training(name, run.task(), run.loop)


# ---- judge --------------------------------------------------------------------------------------


def check(argv: list[str]) -> int:
    """what is wrong with videos, where, and how sure; better or worse than others"""
    parser = Parser("kinema check", str(check.__doc__), CHECK_EXAMPLES)
    parser.add_argument("files", nargs="+", metavar="FILES", help="videos, or folders of them")
    parser.add_argument("--against", metavar="DIR", help="references: better, worse, or the same?")
    parser.add_argument("--gate", metavar="FILE", help="YAML conditions; status 1 if one fails")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="worker processes")
    parser.add_argument(
        "--blind", action="store_true", help="a page to vote on two folders; or its key and votes"
    )
    eyes = parser.add_argument_group("Look with")
    eyes.add_argument("--flow", default="dis", metavar="NAME", help="dis, farneback, lk, raft")
    eyes.add_argument("--flow-weights", metavar="FILE", help="for raft: raft-things.pth")
    eyes.add_argument("--text-encoder", metavar="DIR", help="a CLIP: does it show its prompt?")
    eyes.add_argument("--prompts", metavar="FILE", help="metadata.jsonl; else captions in files")
    eyes.add_argument("--image-encoder", metavar="DIR", help="a DINO or CLIP: does it stay itself?")
    results = parser.add_argument_group("Results")
    results.add_argument("--json", metavar="FILE", help="everything; - prints it")
    results.add_argument("--html", metavar="FILE", help="one page with pictures and curves")
    results.add_argument("--junit", metavar="FILE", help="the gates, for a build server")
    results.add_argument("--quiet", action="store_true", help="print nothing else")
    options = vars(parser.parse_args(argv))
    if options.pop("blind"):
        return ask_people(options)
    from kinema.probes.backends import Backends
    from kinema.probes.check import run
    from kinema.probes.outputs import Outputs

    parts = {"outputs": Outputs, "backends": Backends}
    made = {name: kind(**taken(options, kind)) for name, kind in parts.items()}
    return run(**options, **made)


def ask_people(options: dict[str, Any]) -> int:
    """`kinema check --blind`: write a page to vote on, or count the votes."""
    for name in ("against", "gate", "junit"):
        if options[name] is not None:
            raise UserError(f"--{name} does not go with --blind, which asks people: leave one out.")
    from kinema.probes import blind

    return blind.run(options["files"], options["html"], options["json"])


def distance(argv: list[str]) -> None:
    """how far a folder of videos is from another: motion, FVD, kernel distances"""
    parser = Parser("kinema distance", str(distance.__doc__), DISTANCE_EXAMPLES)
    parser.add_argument("files", metavar="DIR", help="the videos to be judged")
    parser.add_argument("against", metavar="REAL", help="real videos")
    eyes = parser.add_argument_group("Look with")
    names = "motion, change, appearance (all three unless given); i3d, videomae, clip"
    eyes.add_argument("--features", nargs="+", metavar="NAME", help=names)
    eyes.add_argument("--weights", default="", metavar="FILE", help="of i3d, videomae or clip")
    eyes.add_argument("--num-frames", type=int, default=16, metavar="N", help="of each clip")
    eyes.add_argument("--resize", default="squash", metavar="HOW", help="of i3d: squash or crop")
    eyes.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda")
    results = parser.add_argument_group("Results")
    results.add_argument("--json", metavar="FILE", help="everything; - prints it")
    results.add_argument("--quiet", action="store_true", help="print nothing else")
    options = vars(parser.parse_args(argv))
    from kinema.probes.distance import WEIGHTLESS, Looking, run

    options["device"] = device_named(options["device"])
    how = taken(options, Looking)
    looking = [Looking(**how | {"features": name}) for name in how["features"] or WEIGHTLESS]
    run(**options, looking=looking)


def probe(argv: list[str]) -> None:
    """experiments on a finished model, each beside its floor and its ceiling"""
    from kinema.probes import PROBES

    name, rest = chosen("probe", "probe", argv, dict(PROBES))
    if name is None:
        return
    module, function = PROBES[name].split(":")
    run = getattr(importlib.import_module(module), function)
    files = list(itertools.takewhile(lambda word: not word.startswith("-"), rest))
    values = typed(f"kinema probe {name}", run, None, rest[len(files) :])
    if values is not None:
        values |= {"files": files} if files else {}
        run(**values)


# ---- about --------------------------------------------------------------------------------------


def info(argv: list[str]) -> None:
    """version, machine, and the models that ship"""
    Parser("kinema info", str(info.__doc__)).parse_args(argv)
    import torch

    models = sorted(path.parent for path in Path(__file__).parent.glob("models/*/system.json"))
    shipped = [
        f"{m.name} ({sum(f.stat().st_size for f in m.rglob('*.*')) / 1e6:.1f} MB)" for m in models
    ]
    cuda = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if cuda else f"cpu, {torch.get_num_threads()} threads"
    rows = {
        "kinema": f"{kinema.__version__}  {Path(__file__).parent}",
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "device": device,
        "models": ", ".join(shipped) or "none in this installation",
    }
    for name, value in rows.items():
        print(f"{name:<8}{value}")


COMMANDS: dict[str, dict[str, Callable[[list[str]], int | None]]] = {
    "Make": {"generate": generate, "world": world},
    "Learn": {"train": train, "plan": plan, "denoisers": denoisers},
    "Judge": {"check": check, "distance": distance, "probe": probe},
    "About": {"info": info},
}


def size(text: str) -> int | tuple[int, int]:
    """64 or 64x96 (height x width)."""
    sides = [int(side) for side in text.lower().split("x")]
    if len(sides) > 2:
        raise ValueError(text)
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def taken(options: dict[str, Any], kind: Any) -> dict[str, Any]:
    """Take the options that are fields of a dataclass out of all options."""
    return {field.name: options.pop(field.name) for field in dataclasses.fields(kind)}


def slug(text: str) -> str:
    """A file name made of the first words."""
    return "-".join(re.findall(r"\w+", text.lower())[:6]) or "video"


def device_named(name: str) -> str:
    import torch

    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


# ---- the door ------------------------------------------------------------------------------------


def overview() -> None:
    """What `kinema --help` shows."""
    groups = {
        title: [Row(name, first_line(function)) for name, function in commands.items()]
        for title, commands in COMMANDS.items()
    }
    about = f"kinema {kinema.__version__}: a video diffusion system that runs on two CPU cores."
    note = "kinema COMMAND --help tells more."
    print_page("kinema COMMAND [OPTIONS]", about, groups, EXAMPLES, note)


def dispatch(argv: list[str]) -> int | None:
    """Run the command that `argv` names; the exit status, or None for 0."""
    commands = {name: f for group in COMMANDS.values() for name, f in group.items()}
    if not argv or argv[0] in ("-h", "--help", "help"):
        overview()
    elif argv[0] in ("-V", "--version", "version"):
        print(kinema.__version__)
    elif argv[0] in commands:
        return commands[argv[0]](argv[1:])
    else:
        raise UserError(f"There is no command {argv[0]!r}; {nearest(argv[0], list(commands))}")
    return 0


def say(text: str, style: str) -> None:
    from rich.text import Text

    console().print(Text(text, style=style), soft_wrap=True)


def main(argv: list[str] | None = None) -> int:
    """Run a command; the return value is the exit status."""
    plain = warnings.showwarning

    def show(message: Any, category: type[Warning], *place: Any, **kwargs: Any) -> None:
        if issubclass(category, Notice):
            say(f"kinema: {message}", "yellow")
        else:
            plain(message, category, *place, **kwargs)

    with warnings.catch_warnings():
        warnings.simplefilter("always", Notice)
        warnings.showwarning = show
        try:
            return dispatch(sys.argv[1:] if argv is None else argv) or 0
        except UserError as error:
            say(f"kinema: {error}", "red")
            return 2
        except BrokenPipeError:  # `kinema --help | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EACCES, errno.ENOSPC, errno.EDQUOT):
                raise
            say(f"kinema: {error.filename or 'the file'}: {error.strerror}.", "red")
            return 2
        except KeyboardInterrupt:
            say("kinema: interrupted.", "yellow")
            return 130


if __name__ == "__main__":
    sys.exit(main())
