"""What the pages of probes are made of: tables, and the command that makes them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

Rows = list[list[str]]
"""The first row is the header."""


def print_table(title: str, rows: Rows) -> None:
    """Print a table whose first row is its header."""
    console = Console()
    console.width = max(console.width, 200)
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    for index, heading in enumerate(rows[0]):
        table.add_column(heading, justify="right" if index else "left", no_wrap=index == 0)
    for row in rows[1:]:
        table.add_row(*row)
    console.print(table)


def markdown(rows: Rows) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def command(probe: str, asked: Mapping[str, Any]) -> str:
    """`kinema probe PROBE` with options; those that are None or empty are left out."""
    words = {
        name: f"[{','.join(map(str, value))}]" if isinstance(value, tuple | list) else str(value)
        for name, value in asked.items()
        if value is not None and value not in ((), [])
    }
    return f"kinema probe {probe}" + "".join(f" --{name} {word}" for name, word in words.items())
