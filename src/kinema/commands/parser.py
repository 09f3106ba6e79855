"""argparse for commands of fixed options: readable help, and errors that are sentences."""

import argparse
import logging
import re
from collections.abc import Callable, Sequence
from typing import Any

from kinema.errors import UserError, nearest
from kinema.fields import Count, Name, Positive, Seed, Share, Side, fit, typed
from kinema.help_pages import Row, print_page

LOG = logging.getLogger("kinema")
PRINTS = {"-h", "--help", "--list", "--print-config"}


class Parser(argparse.ArgumentParser):
    """An argument parser that prints kinema's help pages and raises `UserError`.

    The types of `kinema.fields` are types of options. Without a type an option is a name, which is
    not empty; with type=str it is any text.
    """

    def __init__(self, prog: str, description: str, examples: str = "") -> None:
        super().__init__(
            prog, description=description, epilog=examples, add_help=False, allow_abbrev=False
        )
        self.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)
        for hint in (float, Count, Positive, Seed, Share):
            self.register("type", hint, value_of(hint))
        self.register("type", None, value_of(Name))

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Do what argparse does, with --num_frames taken for --num-frames."""
        return super().parse_known_args([dashed(word) for word in args or ()], namespace)

    def print_help(self, file: Any = None) -> None:
        groups: dict[str, list[Row]] = {}
        for group in self._action_groups:
            rows = [row_of(a) for a in group._group_actions if a.help != argparse.SUPPRESS]
            title = "" if group in (self._positionals, self._optionals) else str(group.title)
            groups.setdefault(title, []).extend(rows)
        positional = [str(action.metavar) for action in self._positionals._group_actions]
        usage = " ".join([self.prog, *positional, "[OPTIONS]"])
        print_page(usage, str(self.description).capitalize() + ".", groups, self.epilog or "")

    def error(self, message: str) -> Any:
        options = [name for name in self._option_string_actions if name.startswith("--")]
        raise UserError(explain(self.prog, message, options))


def row_of(action: argparse.Action) -> Row:
    flags = ", ".join(action.option_strings)
    default = "" if action.default is None else str(action.default)
    return Row(f"{flags} {action.metavar or ''}".strip(), str(action.help), default)


def explain(prog: str, message: str, options: list[str]) -> str:
    """Turn argparse's message into a sentence with a way out."""
    if unknown := re.match(r"unrecognized arguments: (\S+)", message):
        name = unknown.group(1)
        if not name.startswith("-"):
            return f"{prog} does not understand {name!r}: put the prompt in quotes."
        flag = name.split("=")[0]
        return f"{prog} has no option {flag}; {nearest(flag, options)}"
    if about := re.match(r"argument (?:-\w/)?(\S+): (.*)", message, re.S):
        message = f"{about[1]} {about[2]}"
    return f"{' '.join(message.split()).removesuffix('.')} (see {prog} --help)."


def dashed(word: str) -> str:
    """--num_frames=9 is --num-frames=9; what is no option stays as it is."""
    flag, equals, value = word.partition("=")
    return "--" + flag[2:].replace("_", "-") + equals + value if flag[:2] == "--" else word


def chosen(
    command: str, kind: str, argv: list[str], offered: dict[str, str]
) -> tuple[str | None, list[str]]:
    """Return the recipe or probe named first and what follows it; None after listing them all."""
    if not argv or argv[0] in ("--list", "-h", "--help"):
        usage = f"kinema {command} {kind.upper()} [OPTIONS]"
        rows = [Row(name, text) for name, text in offered.items()]
        note = f"kinema {command} {kind.upper()} --help documents its options."
        print_page(usage, f"The {kind}s there are.", {"": rows}, note=note)
        return None, []
    if argv[0] not in offered:
        raise UserError(f"There is no {kind} {argv[0]!r}; {nearest(argv[0], list(offered))}")
    return argv[0], argv[1:]


def announce(argv: Sequence[str], text: str) -> None:
    """Say what begins, before torch is imported, unless the command only prints a page."""
    if not PRINTS & {dashed(word).split("=")[0] for word in argv}:
        LOG.info(text)


# ---- values -------------------------------------------------------------------------------------


def value_of(hint: Any) -> Callable[[str], Any]:
    """Return what argparse calls to read a value of a type, ranges included."""

    def read(text: str) -> Any:
        try:
            return fit(typed(text, hint), hint, "")
        except UserError as error:
            raise argparse.ArgumentTypeError(str(error).strip()) from error

    return read


def size(text: str) -> int | tuple[int, int]:
    """64 or 64x96 (height x width)."""
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() for side in sides):
        raise argparse.ArgumentTypeError(f"takes a height and a width, such as 64x96, not {text}")
    pixels = [value_of(Side)(side) for side in sides]
    return pixels[0] if len(pixels) == 1 else (pixels[0], pixels[1])


def device_named(name: str) -> str:
    """The device of --device; "auto" is a GPU where there is one.

    Raises:
        UserError: if there is no such device here.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError) as error:  # a torch without CUDA asserts
        raise UserError(
            f"There is no device {name!r} here: take --device auto, cpu, or cuda where there is a "
            "GPU."
        ) from error
    return name
