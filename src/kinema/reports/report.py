"""A report: what was found, in the terminal, or as a page with its files beside it."""

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table as TerminalTable
from rich.text import Text

from kinema.errors import UserError
from kinema.storage import require_writable, write_bytes

Rows = list[list[str]]
"""The first row is the header."""

WIDE = 1_000  # characters; a table that wraps its cells cannot be read


@dataclass(frozen=True)
class Table:
    """Figures under their headings."""

    title: str  # of the table; "" for one that goes on where the last one ended
    rows: Rows  # the first is the header
    note: str = ""  # what a reader of the page must know, in Markdown

    def markdown(self) -> str:
        """Return the title as a heading, the note and the table."""
        return section(self.title, self.note, markdown(self.rows))

    def show(self) -> None:
        """Print the table with its title."""
        console = Console()
        console.width = max(console.width, WIDE)
        title = Text(self.title) if self.title else None
        table = TerminalTable(title=title, title_justify="left", box=None, header_style="bold")
        for index, heading in enumerate(self.rows[0]):
            table.add_column(Text(heading), justify="right" if index else "left", no_wrap=True)
        for row in self.rows[1:]:
            table.add_row(*map(Text, row))
        console.print(table)


def section(title: str, *parts: str) -> str:
    """Return paragraphs below a heading, or without one; those that are empty are left out."""
    return "\n\n".join(filter(None, (title and f"## {title}", *parts)))


def markdown(rows: Rows) -> str:
    """Return a table in Markdown; a bar within a cell is escaped."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


@dataclass(frozen=True)
class Picture:
    """A PNG beside the page."""

    shows: str  # what is to be seen, in words
    draw: Callable[[], bytes]  # returns the PNG's bytes, when the report is written
    title: str = ""  # a heading above the picture, or ""
    note: str = ""  # how to read it, in Markdown
    ending: str = ""  # of the file's name: PAGE.png has "", PAGE-seams.png has "-seams"

    def beside(self, page: Path) -> Path:
        """Return where the picture of a page lies."""
        return page.with_name(f"{page.stem}{self.ending}.png")

    def markdown(self, page: Path) -> str:
        """Return the title as a heading, a link to the picture, and the note."""
        return section(self.title, f"![{self.shows}]({self.beside(page).name})", self.note)


@dataclass(frozen=True)
class Report:
    """What a probe or a study found."""

    title: str  # of the page
    command: str  # the command line that makes the page again, but for `--report`
    note: str  # how it was measured, in Markdown; only the page says it
    parts: Sequence[Table | Picture | str]  # tables, pictures and paragraphs, in their order
    record: Any = None  # all figures; None if there is no file of them

    def show(self) -> None:
        """Print the tables, the paragraphs, and the command that prints them again."""
        print(f"{self.title}\n")
        for part in self.parts:
            if isinstance(part, Table):
                part.show()
            if isinstance(part, str):
                print(part)
            if not isinstance(part, Picture):
                print()
        print(self.command)

    def page(self, path: Path) -> str:
        """Return the page in Markdown, as it is written to `path`."""
        parts = [f"# {self.title}", f"`{self.command} --report {path.name}`", self.note]
        for part in self.parts:
            if isinstance(part, Picture):
                parts.append(part.markdown(path))
            else:
                parts.append(part.markdown() if isinstance(part, Table) else part)
        return section("", *parts) + "\n"

    def write(self, path: Path) -> list[Path]:
        """Write the page, and beside it the record as .json and the pictures as .png.

        All of it is made before anything is written; the page comes last.

        Returns:
            the files written, the page first.

        Raises:
            UserError: if the page cannot be written there, or a picture not be drawn.
        """
        check_page(path)
        files = {p.beside(path): p.draw() for p in self.parts if isinstance(p, Picture)}
        if self.record is not None:
            text = json.dumps(json_values(self.record), indent=1) + "\n"
            files = {path.with_suffix(".json"): text.encode(), **files}
        for place, data in [*files.items(), (path, self.page(path).encode())]:
            write_bytes(place, data)
        return [path, *files]

    def publish(self, page: str | None) -> None:
        """Print the report, and write it if a page is named."""
        self.show()
        if page:
            for path in self.write(Path(page)):
                print(f"wrote {path}")


def check_page(page: str | Path | None) -> None:
    """Say what would keep a page from being written, before minutes are spent on its figures.

    Raises:
        UserError: if it cannot be written, or has the name of one of the files beside it.
    """
    if page is None:
        return
    path = Path(page)
    if path.suffix in (".json", ".png"):
        raise UserError(
            f"The page {path} would have the name of a file beside it: let it end in .md."
        )
    require_writable(path)


def json_values(value: Any) -> Any:
    """Return nested values as JSON has them: dictionaries for dataclasses, None for NaN.

    The field `report` of a probe, which only says where the page is written, is left out.
    """
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value) if field.name != "report"]
        value = {name: getattr(value, name) for name in names}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(name): json_values(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [json_values(one) for one in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def command_line(program: str, options: Mapping[str, Any]) -> str:
    """Return a command as it is typed in a shell.

    Args:
        program: what comes first, such as "kinema probe drift".
        options: name -> value; one that is None or an empty sequence is left out, and so is
            `report`, which the page adds. The `files` stand before all options, without a name.
    """
    words = [shlex.quote(str(file)) for file in options.get("files") or ()]
    for name, value in options.items():
        if name not in ("files", "report") and value is not None and value not in ((), []):
            words += [f"--{name.replace('_', '-')}", shlex.quote(typed(value))]
    return " ".join([program, *words])


def typed(value: Any) -> str:
    """Return a value as an option takes it: `0.5`, `true`, `[8,16]`, `["two words","one"]`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if not isinstance(value, tuple | list):
        return str(value)
    words = [typed(one) for one in value]
    if all(re.fullmatch(r"[\w./-]+", word) for word in words):
        return f"[{','.join(words)}]"
    return json.dumps(list(value), separators=(",", ":"))
