"""The commands. What costs time to import (torch, OpenCV) is imported by the command that needs it.

A mistake of the user is one sentence on stderr and exit status 2; Ctrl-C is one line and 130;
anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

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
from kinema.flags import Parser, Row, chosen, console, first_line, nearest, print_page, typed

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
kinema generate "the ball bounces" --continue-from ball.mp4 -o longer.mp4"""

CHECK_EXAMPLES = """\
kinema check clip.mp4
kinema check new/ --against old/ --html report.html
kinema check --blind old/ new/ --html vote.html
kinema check --blind vote.key.json *.votes.json
kinema check new/ --gate consistency.yaml --junit gates.xml"""


# ---- make ---------------------------------------------------------------------------------------


def generate(argv: list[str]) -> None:
    """a video from a prompt, a first frame, or a clip to go on from"""
    options = generate_parser().parse_args(argv)
    from kinema import clips

    name = options.output or f"{slug(options.prompt)}-{options.seed}.mp4"
    output = clips.check_target(name)
    began = time.monotonic()
    with console().status(f"loading {options.model}"):
        pipe = kinema.load(options.model).to(device_named(options.device))
    given = {name: value for name, value in vars(options).items() if value is not None}
    for name in ("prompt", "model", "output", "device"):
        given.pop(name, None)
    made = pipe(options.prompt, progress=True, **given)
    files = made.save(output)
    n, f, h, w, _ = made.frames.shape
    seconds = time.monotonic() - began
    print(f"{n} x {f} frames of {h}x{w} at {made.fps:g} fps, seed {made.seed}, {seconds:.1f} s")
    print(*files, sep="\n")


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
    values = typed(f"kinema train {name}", type(run), run, rest)
    if values is not None:
        type(run)(**values).train()


def denoisers(argv: list[str]) -> None:
    """the networks there are, with parameters and FLOPs"""
    Parser("kinema denoisers", str(denoisers.__doc__)).parse_args(argv)
    import torch
    from rich.table import Table
    from torch.utils.flop_counter import FlopCounterMode

    from kinema.denoisers import DENOISERS, make_denoiser

    table = Table(box=None, header_style="bold")
    for heading in ("name", "class", "parameters", "GFLOPs", "what it is"):
        table.add_column(heading, justify="right" if heading[0] in "pG" else "left")
    for name, network_class in DENOISERS.items():
        network = make_denoiser(network_class.config_class()).eval()
        x = torch.zeros(1, network.config.channels, 9, 8, 8)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network(x, torch.zeros(1, 9))
        parameters = sum(p.numel() for p in network.parameters())
        gflops = counter.get_total_flops() / 1e9
        cells = (f"{parameters:,}", f"{gflops:.2f}", first_line(network_class))
        table.add_row(name, network_class.__name__, *cells)
    console(stderr=False).print(table)
    print(
        "\nOne forward pass on 9x8x8 latents (33 frames of 64x64 pixels), default configurations."
    )


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
    results = parser.add_argument_group("Results")
    results.add_argument("--json", metavar="FILE", help="everything; - prints it")
    results.add_argument("--html", metavar="FILE", help="one page with pictures and curves")
    results.add_argument("--junit", metavar="FILE", help="the gates, for a build server")
    results.add_argument("--quiet", action="store_true", help="print nothing else")
    options = vars(parser.parse_args(argv))
    if not options.pop("blind"):
        from kinema.probes.check import run

        return run(**options)
    for name in ("against", "gate", "junit"):
        if options[name] is not None:
            raise UserError(f"--{name} does not go with --blind, which asks people: leave one out.")
    from kinema.probes import blind

    return blind.run(options["files"], options["html"], options["json"])


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
    "Learn": {"train": train, "denoisers": denoisers},
    "Judge": {"check": check, "probe": probe},
    "About": {"info": info},
}


def size(text: str) -> int | tuple[int, int]:
    """64 or 64x96 (height x width)."""
    sides = [int(side) for side in text.lower().split("x")]
    if len(sides) > 2:
        raise ValueError(text)
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


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
