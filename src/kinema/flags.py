"""Flags and their help pages: argparse for the fixed commands, jsonargparse for typed fields.

A recipe is a dataclass and a probe a function. Their fields become options, `--loop.batch_size`,
whose help is what the docstring says of the field, and whose defaults are the values filled in.
Every mistake is a `UserError` with the nearest name that exists.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from kinema.choices import (
    dictionary,
    frozen,
    gathered,
    is_part,
    kinds_of,
    name_of,
    narrowed,
    nearest,
    settled,
    widened,
)
from kinema.errors import UserError

LONGEST_HINT = 300  # characters; recipes have hundreds of options


class Parser(argparse.ArgumentParser):
    """argparse with readable help, and errors that are sentences."""

    def __init__(self, prog: str, description: str, examples: str = "") -> None:
        super().__init__(
            prog, description=description, epilog=examples, add_help=False, allow_abbrev=False
        )
        self.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, with --num_frames taken for --num-frames."""
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


class Row(NamedTuple):
    """One option on a help page."""

    flag: str
    text: str
    default: str = ""


def row_of(action: argparse.Action) -> Row:
    flags = ", ".join(action.option_strings)
    default = "" if action.default is None else str(action.default)
    return Row(f"{flags} {action.metavar or ''}".strip(), str(action.help), default)


def explain(prog: str, message: str, options: list[str]) -> str:
    """argparse's message as a sentence with a way out."""
    if unknown := re.match(r"unrecognized arguments: (\S+)", message):
        name = unknown.group(1)
        if not name.startswith("-"):
            return f"{prog} does not understand {name!r}: put the prompt in quotes."
        return no_option(prog, name.split("=")[0], options)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return f"{prog}: {' '.join(lines)} (see {prog} --help)"


def no_option(prog: str, flag: str, options: list[str]) -> str:
    """A sentence about an unknown option: the nearest one, or where to read about so many."""
    hint = nearest(flag, options)
    if len(hint) > LONGEST_HINT:
        hint = f"see {prog} --help."
    return f"{prog} has no option {flag}; {hint}"


def chosen(
    command: str, kind: str, argv: list[str], offered: dict[str, str]
) -> tuple[str | None, list[str]]:
    """The recipe or probe named first and what follows it; None after listing them all."""
    if not argv or argv[0] in ("--list", "-h", "--help"):
        usage = f"kinema {command} {kind.upper()} [OPTIONS]"
        rows = [Row(name, text) for name, text in offered.items()]
        note = f"kinema {command} {kind.upper()} --help documents every option."
        print_page(usage, f"The {kind}s there are.", {"": rows}, note=note)
        return None, []
    if argv[0] not in offered:
        raise UserError(f"There is no {kind} {argv[0]!r}; {nearest(argv[0], list(offered))}")
    return argv[0], argv[1:]


def typed(prog: str, target: Any, filled: Any, argv: list[str]) -> dict[str, Any] | None:
    """Arguments of a dataclass or a function from flags and YAML; None after printing the help.

    Args:
        prog: the command, for messages.
        target: a dataclass or a function with typed keyword arguments.
        filled: an instance whose values are the defaults, or None.
        argv: --field value, --part.field value, --config FILE.
    """
    argv = [underscored(argument) for argument in argv]
    filled, argv = settled(prog, target, filled, argv)
    groups: dict[str, list[Row]] = {}
    for group, row in documented(target, filled):
        groups.setdefault(group, []).append(row)
    if "-h" in argv or "--help" in argv:
        note = "--config FILE reads all of this from YAML; --print_config writes it."
        about = str(inspect.getdoc(target)).split("\n\n")[0]
        print_page(f"{prog} [OPTIONS]", about, groups, note=note)
        return None
    known = [row.flag for rows in groups.values() for row in rows] + ["--config", "--print_config"]
    for flag in (argument.split("=")[0] for argument in argv):
        if flag.startswith("--") and flag not in known:
            raise UserError(no_option(prog, flag, known))
    argv = argv if filled is None else gathered(prog, filled, argv)
    read = parse(prog, narrowed(target, filled), filled, argv, known)
    made = {name: read[name] for name in inspect.signature(target).parameters}
    return made if filled is None else widened(prog, filled, made)


# ---- from arguments to values --------------------------------------------------------------------


def underscored(argument: str) -> str:
    """--num-prompts=9 is --num_prompts=9; what is not an option stays as it is."""
    flag, equals, value = argument.partition("=")
    return "--" + flag[2:].replace("-", "_") + equals + value if flag[:2] == "--" else argument


def dashed(argument: str) -> str:
    """--num_frames=9 is --num-frames=9; what is not an option stays as it is."""
    flag, equals, value = argument.partition("=")
    return "--" + flag[2:].replace("_", "-") + equals + value if flag[:2] == "--" else argument


class Refused(Exception):
    """What jsonargparse says of arguments it does not accept."""


def parse(prog: str, target: Any, filled: Any, argv: list[str], known: list[str]) -> Any:
    """jsonargparse: flags and YAML become typed values, nested dataclasses included."""
    import jsonargparse

    class FlagParser(jsonargparse.ArgumentParser):
        def error(self, message: str, ex: Exception | None = None) -> Any:
            raise Refused(str(ex or message))

    parser = FlagParser(prog=prog)
    parser.add_argument("--config", action="config")
    if filled is None:
        parser.add_function_arguments(target, None)
    else:
        parser.add_class_arguments(target, None)
        parser.set_defaults(dict(leaves(filled, [action.dest for action in parser._actions])))
    try:
        options = parser.parse_args(argv)
    except Refused as refused:
        raise UserError(f"{prog}: {reworded(str(refused), known)} (see {prog} --help)") from None
    make = getattr(parser, "instantiate", None) or parser.instantiate_classes
    return make(options)


def reworded(message: str, known: list[str]) -> str:
    """jsonargparse's account of a wrong value or name, as half a sentence."""
    keys = dict.fromkeys(re.findall(r'Parser key "([\w.]+)"', message))
    wrong = re.search(r"Expected an? (?:<class ')?([^'\n]+?)(?:'>)?\. Got value: ([^\n]*)", message)
    if keys and wrong:
        kind = {"tuple": "list such as [1,2]", "list": "list such as [1,2]"}.get(wrong[1], wrong[1])
        return f"--{'.'.join(keys)} takes: {kind}, not {wrong[2]}"
    if unknown := re.search(r"does not accept option '([\w.]+)'", message):
        names = [name.split(".")[-1].removeprefix("--") for name in known]
        return f"unknown field {unknown[1]!r} in the configuration, {nearest(unknown[1], names)}"
    return " ".join(message.split())


def leaves(filled: Any, names: list[str], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of every field that is an option by itself, such as loop.batch_size."""
    for field in dataclasses.fields(filled):
        name, value = prefix + field.name, getattr(filled, field.name)
        if any(other.startswith(f"{name}.") and other != f"{name}.help" for other in names):
            yield from leaves(value, names, f"{name}.")
        else:
            yield name, dictionary(value) if is_part(value) else value


def documented(
    target: Any, filled: Any, prefix: str = "", group: str = ""
) -> Iterator[tuple[str, Row]]:
    """(group, row) of every option of a dataclass or a function, nested dataclasses included."""
    texts, several = documentation(target), kinds_of(target)
    for name, parameter in inspect.signature(target).parameters.items():
        value = parameter.default if filled is None else getattr(filled, name)
        text = texts.get(name, "")
        if not dataclasses.is_dataclass(value) or isinstance(value, type):
            yield (
                group,
                Row(f"--{prefix}{name}", text, "" if value is parameter.empty else str(value)),
            )
            continue
        if kinds := several.get(
            name, []
        ):  # a choice between dataclasses: --data FolderClips --data.folder clips
            called = name_of if all(map(frozen, kinds)) else lambda kind: kind.__name__
            names = " or ".join(map(called, kinds))
            yield group, Row(f"--{prefix}{name}", f"{text} ({names})", called(type(value)))
        for kind in dict.fromkeys([type(value), *kinds]):
            mine = value if kind is type(value) else kind() if frozen(kind) else None
            title = f"{prefix}{name} ({kind.__name__}): {text}"
            yield from documented(kind, mine, f"{prefix}{name}.", title)


def documentation(target: Any) -> dict[str, str]:
    """What a docstring says of each argument or attribute."""
    section = re.search(
        r"^(?:Args|Attributes):\n(.*?)(?=^\S|\Z)", inspect.getdoc(target) or "", re.S | re.M
    )
    entries = re.findall(
        r"^ {4}(\w+): (.*?)(?=^ {4}\w|\Z)", section[1] if section else "", re.S | re.M
    )
    return {name: " ".join(text.split()) for name, text in entries}


def first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]


def console(stderr: bool = True) -> Any:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def print_page(
    usage: str, text: str, groups: dict[str, list[Row]], examples: str = "", note: str = ""
) -> None:
    """A page of help: usage, what it does, options in groups, examples, where to read on."""
    from rich.markup import escape
    from rich.table import Table

    page = console(stderr=False)
    page.print(f"[bold]{escape(usage)}[/]\n\n  {escape(text)}")
    widest = max((len(row.flag) for rows in groups.values() for row in rows), default=0)
    for title, rows in groups.items():
        if not rows:
            continue
        page.print(f"\n[bold cyan]{escape(title)}[/]" if title else "")
        table = Table(box=None, show_header=False, padding=(0, 0, 0, 2), pad_edge=True)
        table.add_column(style="green", no_wrap=True, min_width=min(widest, 34))
        table.add_column(ratio=1)
        for flag, about, default in rows:
            tail = f" [dim](default {escape(default)})[/]" if default else ""
            table.add_row(escape(flag), escape(about) + tail)
        page.print(table)
    if examples:
        page.print("\n[bold cyan]Examples[/]")
        page.print("\n".join(f"  {escape(line)}" for line in examples.splitlines()), soft_wrap=True)
    if note:
        page.print(f"\n[dim]{escape(note)}[/]")


def size(text: str) -> int | tuple[int, int]:
    """64 or 64x96 (height x width)."""
    sides = [int(side) for side in text.lower().split("x")]
    if len(sides) > 2:
        raise ValueError(text)
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


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
