"""Commands that measure: `kinema check`, `kinema distance`, `kinema probe`."""

import dataclasses
import importlib
import itertools
from collections.abc import Callable
from typing import Any

from kinema.commands.parser import Parser, announce, chosen, device_named
from kinema.errors import UserError
from kinema.fields import Count, fields_of, shown
from kinema.options import read_options

CHECK_EXAMPLES = """\
kinema check clip.mp4
kinema check new/ --against old/ --html report.html
kinema check --blind old/ new/ --html vote.html
kinema check --blind vote.key.json *.votes.json --verdicts report.json
kinema check new/ --gate consistency.yaml --junit gates.xml"""

ASKED_OF_PEOPLE = ("files", "html", "json", "verdicts")  # options that go with --blind

DISTANCE_EXAMPLES = """\
kinema distance made/ real/
kinema distance made/ real/ --features i3d --weights i3d_torchscript.pt
kinema distance made/ real/ --features clip --weights openai/clip-vit-base-patch32"""


def check(argv: list[str]) -> int:
    """what is wrong with videos, where, and how sure; better or worse than others"""
    parser = Parser("kinema check", str(check.__doc__), CHECK_EXAMPLES)
    parser.add_argument("files", nargs="+", metavar="FILES", help="videos, or folders of them")
    parser.add_argument("--against", metavar="DIR", help="references: better, worse, or the same?")
    parser.add_argument("--floor", metavar="DIR", help="real clips: their scores beside the set's")
    parser.add_argument("--gate", metavar="FILE", help="YAML conditions; status 1 if one fails")
    parser.add_argument("--jobs", type=Count, default=2, metavar="N", help="worker processes")
    parser.add_argument(
        "--blind", action="store_true", help="a page to vote on two folders; or its key and votes"
    )
    parser.add_argument("--verdicts", metavar="FILE", help="JSON of a check, beside the votes")
    eyes = parser.add_argument_group("Look with")
    eyes.add_argument("--flow", default="dis", metavar="NAME", help="dis, farneback, lk, raft")
    eyes.add_argument("--flow-weights", metavar="FILE", help="for raft: raft-things.pth")
    eyes.add_argument("--text-encoder", metavar="DIR", help="a CLIP: does it show its prompt?")
    eyes.add_argument("--prompts", metavar="FILE", help="metadata.jsonl; else captions in files")
    eyes.add_argument("--image-encoder", metavar="DIR", help="a DINO or CLIP: does it stay itself?")
    more = parser.add_argument_group("Measure too")
    more.add_argument("--fidelity", action="store_true", help="of pairs: PSNR, SSIM, Physics-IQ")
    more.add_argument(
        "--lpips", nargs=2, metavar="TRUNK HEADS", help="of pairs, from alexnet and alex.pth"
    )
    more.add_argument(
        "--vbench",
        nargs="?",
        const="",
        type=str,
        metavar="FILE",
        help="VBench's dimensions; YAML of weights",
    )
    results = parser.add_argument_group("Results")
    results.add_argument("--json", metavar="FILE", help="everything; - prints it")
    results.add_argument(
        "--json-lines", metavar="FILE", help="a line a clip at once; a next run goes on there"
    )
    results.add_argument("--html", metavar="FILE", help="one page with pictures and curves")
    results.add_argument("--junit", metavar="FILE", help="the gates, for a build server")
    results.add_argument("--quiet", action="store_true", help="print nothing else")
    options = vars(parser.parse_args(argv))
    if not options["quiet"]:
        announce(argv, f"Looking at {shown(options['files'])}.")
    if options.pop("blind"):
        return ask_people(parser, options)
    if options.pop("verdicts") is not None:
        raise UserError("--verdicts goes with --blind: it is compared with the votes of people.")
    from kinema.checks.check import run
    from kinema.checks.encoders import Backends
    from kinema.checks.outputs import Outputs
    from kinema.checks.vbench import read_vbench

    if options["vbench"] is not None:
        options["vbench"] = read_vbench(options["vbench"])
    options["lpips"] = options["lpips"] and tuple(options["lpips"])
    parts = {"outputs": Outputs, "backends": Backends}
    made = {name: kind(**taken(options, kind)) for name, kind in parts.items()}
    return run(**options, **made)


def ask_people(parser: Parser, options: dict[str, Any]) -> int:
    """`kinema check --blind`: write a page to vote on, or count the votes."""
    for name, value in options.items():
        if name not in ASKED_OF_PEOPLE and value != parser.get_default(name):
            raise UserError(
                f"--{name.replace('_', '-')} does not go with --blind, which asks people: leave "
                "one out."
            )
    from kinema.checks import blind

    return blind.run(*(options[name] for name in ASKED_OF_PEOPLE))


def distance(argv: list[str]) -> None:
    """how far a folder of videos is from another: motion, FVD, kernel distances"""
    parser = Parser("kinema distance", str(distance.__doc__), DISTANCE_EXAMPLES)
    parser.add_argument("files", metavar="DIR", help="the videos to be judged")
    parser.add_argument("against", metavar="REAL", help="real videos")
    eyes = parser.add_argument_group("Look with")
    names = "motion, change, appearance (all three unless given); i3d, videomae, clip"
    eyes.add_argument("--features", nargs="+", metavar="NAME", help=names)
    eyes.add_argument(
        "--weights", type=str, default="", metavar="FILE", help="of i3d, videomae or clip"
    )
    eyes.add_argument("--num-frames", type=Count, default=16, metavar="N", help="of each clip")
    eyes.add_argument("--resize", default="squash", metavar="HOW", help="of i3d: squash or crop")
    eyes.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda")
    results = parser.add_argument_group("Results")
    results.add_argument("--json", metavar="FILE", help="everything; - prints it")
    results.add_argument("--quiet", action="store_true", help="print nothing else")
    options = vars(parser.parse_args(argv))
    if not options["quiet"]:
        announce(argv, f"Comparing {options['files']} with {options['against']}.")
    from kinema.checks.distance import WEIGHTLESS, Looking, run

    options["device"] = device_named(options["device"])
    how = taken(options, Looking)
    looking = [Looking(**how | {"features": name}) for name in how["features"] or WEIGHTLESS]
    run(**options, looking=looking)


def probe(argv: list[str]) -> None:
    """experiments on a finished model, each beside its floor and its ceiling"""
    from kinema.probes import MOVED, PROBES

    if argv and argv[0] in MOVED:
        raise UserError(
            f"The probe {argv[0]!r} is a study now: run python -m {MOVED[argv[0]]} in a clone of "
            "kinema's repository."
        )
    name, rest = chosen("probe", "probe", argv, PROBES)
    if name is not None:
        announce(rest, f"Loading the probe {name}.")
        call(f"kinema probe {name}", importlib.import_module(f"kinema.probes.{name}").run, rest)


def call(prog: str, run: Callable[..., Any], argv: list[str]) -> int | None:
    """Ask a probe or a study, and publish its report; print its help if asked.

    A function of one dataclass returns its report, and the dataclass says where that is written.
    Any other function is asked for its arguments, and does all by itself.
    """
    files = list(itertools.takewhile(lambda word: not word.startswith("-"), argv))
    kind = next(iter(fields_of(run).values()))
    whole = dataclasses.is_dataclass(kind)
    asked = read_options(prog, kind() if whole else run, argv[len(files) :])
    if files and "files" not in fields_of(kind if whole else run):
        raise UserError(
            f"{prog} takes no files: {files[0]!r} has no meaning without the option "
            f"it is for; see {prog} --help."
        )
    if asked is None:
        return None
    given = {"files": files} if files else {}
    if not whole:
        return run(**asked | given)
    from kinema.reports import check_page  # it imports numpy

    options = dataclasses.replace(asked, **given)
    check_page(options.report)
    run(options).publish(options.report)
    return None


def taken(options: dict[str, Any], kind: Any) -> dict[str, Any]:
    """Take the options that are fields of a dataclass out of all options."""
    return {field.name: options.pop(field.name) for field in dataclasses.fields(kind)}
