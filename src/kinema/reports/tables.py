"""A table, as Markdown and in the terminal."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as TerminalTable
from rich.text import Text

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
        heading = f"## {self.title}" if self.title else ""
        return "\n\n".join(part for part in (heading, self.note, markdown(self.rows)) if part)

    def show(self) -> None:
        """Print the table with its title."""
        print_table(self.title, self.rows)


def print_table(title: str, rows: Rows) -> None:
    """Print a table whose first row is its header."""
    console = Console()
    console.width = max(console.width, WIDE)
    table = TerminalTable(
        title=Text(title) if title else None, title_justify="left", box=None, header_style="bold"
    )
    for index, heading in enumerate(rows[0]):
        table.add_column(Text(heading), justify="right" if index else "left", no_wrap=True)
    for row in rows[1:]:
        table.add_row(*map(Text, row))
    console.print(table)


def markdown(rows: Rows) -> str:
    """Return a table in Markdown; a bar within a cell is escaped."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])
