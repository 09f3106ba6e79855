"""Help pages: options in groups, with what a docstring says of each and its default."""

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from kinema.errors import UserError, nearest
from kinema.fields import KIND, Tree, fields_of, kinds_of, shown, tree_of


class Row(NamedTuple):
    """One option on a help page."""

    flag: str
    text: str
    default: str = ""


def console(stderr: bool = True) -> Any:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def print_page(
    usage: str, text: str, groups: dict[str, list[Row]], examples: str = "", note: str = ""
) -> None:
    """Print usage, what it does, options in groups, examples, where to read on."""
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


# ---- the options of a dataclass or a function ----------------------------------------------------


class Group(NamedTuple):
    """The options of one dataclass: its path, what it is, and a row for each of its fields."""

    path: str
    title: str
    rows: dict[str, Row]


def print_options(
    prog: str, root: Any, tree: Tree, topic: str, first: Sequence[str], named: Mapping[str, Any]
) -> None:
    """Print the options that matter, those of one part, or all of them.

    Args:
        prog: the command.
        root: a dataclass or a function.
        tree: its values, which are shown as defaults.
        topic: "" for the options that matter, "all", or the path of a part.
        first: the paths of those that stand first.
        named: ready-made values by path and name, of which one is given as an example.

    Raises:
        UserError: if there is no part of that name.
    """
    every = list(groups_of(root, tree))
    for part, row in every[0].rows.items():
        if example := next(iter(named.get(part, {})), ""):
            every[0].rows[part] = row._replace(text=f"{row.text} Or a name such as {example}.")
    path = topic.replace("-", "_")
    note = "--config FILE reads all of this from YAML; --print-config writes it."
    if not topic:
        pages = short_page(every, first)
        if len(every) > 1:
            note = f"--help PART lists the options of a part, --help all every option.\n{note}"
    elif chosen := [g for g in every if topic == "all" or f"{g.path}.".startswith(f"{path}.")]:
        pages = {group.title: list(group.rows.values()) for group in chosen}
    else:
        parts = dict.fromkeys(group.path for group in every if group.path)
        raise UserError(f"{prog} has no part {topic!r}; {nearest(path, [*parts, 'all'])}")
    about = (inspect.getdoc(root) or "").split("\n\n")[0]
    print_page(f"{prog} [OPTIONS]", about, pages, note=note)


def short_page(every: list[Group], first: Sequence[str]) -> dict[str, list[Row]]:
    """Return the rows that stand first, the other fields, and a row for each part."""
    rows: dict[str, Row] = {}
    for group in every:
        rows = group.rows | rows
    parts = {group.path for group in every}
    top = [rows[path] for path in first if path in rows]
    own = {path: row for path, row in every[0].rows.items() if path not in first}
    return {
        "What matters most" if top else "": top,
        "The others" if top else "": [row for path, row in own.items() if path not in parts],
        "Parts": [row for path, row in own.items() if path in parts],
    }


def groups_of(kind: Any, tree: Tree, path: str = "", title: str = "") -> Iterator[Group]:
    """Yield the options of a dataclass or a function, and then of every part, kind by kind.

    The kind that a part is now comes first, and its values are the defaults.
    """
    prefix, texts = f"{path}." if path else "", documentation(kind)
    hints = fields_of(kind)
    paths = {name: f"{prefix}{name}" for name in hints}
    rows = {paths[n]: row_of(paths[n], texts.get(n, ""), h, tree[n]) for n, h in hints.items()}
    yield Group(path, title, rows)
    for name, hint in hints.items():
        kinds = kinds_of(hint)
        for each in sorted(kinds, key=lambda each: each != tree[name][KIND]):
            values = tree[name] if each == tree[name][KIND] else tree_of(kinds[each]())
            about = f"{dashed(paths[name])} ({kinds[each].__name__}): {texts.get(name, '')}"
            yield from groups_of(kinds[each], values, paths[name], about)


def row_of(path: str, text: str, hint: Any, value: Any) -> Row:
    """Return the row of a field; of a part it says where its own fields are listed."""
    flag, kinds = f"--{dashed(path)}", kinds_of(hint)
    if not kinds:
        return Row(flag, text, "" if value in (None, "") else shown(value))
    if len(kinds) == 1:
        return Row(f"{flag}.FIELD", f"{text} (--help {dashed(path)})")
    return Row(f"{flag} NAME", f"{text} ({' or '.join(kinds)}; --help {dashed(path)})", value[KIND])


def dashed(name: str) -> str:
    return name.replace("_", "-")


@cache
def documentation(target: Any) -> dict[str, str]:
    """Return what is said of each field of a dataclass, or of each argument of a function.

    Of a field it is the comment behind it or above it, of an argument its entry under `Args:`.
    """
    doc = inspect.getdoc(target) or ""
    section = re.search(r"^(?:Args|Attributes):\n(.*?)(?=^\S|\Z)", doc, re.S | re.M)
    entries = re.findall(
        r"^ {4}(\w+): (.*?)(?=^ {4}\w|\Z)", section[1] if section else "", re.S | re.M
    )
    said = {name: " ".join(text.split()) for name, text in entries}
    for kind in reversed(getattr(target, "__mro__", ())):
        said |= comments(kind)
    return {name: text if text[-1] in ".?" else f"{text}." for name, text in said.items()}


def comments(kind: type) -> dict[str, str]:
    """Return the comment of each field that a dataclass adds to those it inherits."""
    found: dict[str, str] = {}
    above: list[str] = []
    for line in inspect.getsource(kind).splitlines() if dataclasses.is_dataclass(kind) else []:
        if comment := re.fullmatch(r" {4}# (.*)", line):
            above.append(comment[1])
            continue
        if field := re.fullmatch(r" {4}(\w+): .*?(?:  # (.*))?", line):
            found[field[1]] = field[2] or " ".join(above)
        above = []
    return {name: text for name, text in found.items() if text}


def first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]
