"""What `kinema check` writes: the lines of each clip at once, whole documents at the end."""

import contextlib
import json as json_format
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kinema import storage
from kinema.checks.gates import write_junit
from kinema.checks.html_page import write_html
from kinema.checks.report import CheckReport
from kinema.errors import UserError
from kinema.storage.atomic import require_writable


@dataclass(frozen=True)
class Outputs:
    """Files to write."""

    json: str | None = None  # everything ("-" for the terminal)
    json_lines: str | None = None  # a line a clip as soon as it is known ("-" for the terminal)
    html: str | None = None  # one self-contained page with pictures and curves
    junit: str | None = None  # the gates as JUnit XML
    quiet: bool = False  # print nothing but what "-" prints

    def __post_init__(self) -> None:
        if self.json == self.json_lines == "-":
            raise UserError("--json - and --json-lines - would mix: name a file for one of them.")

    @property
    def silent(self) -> bool:
        """Whether the terminal gets nothing, or nothing but JSON."""
        return self.quiet or "-" in (self.json, self.json_lines)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the places of the files for the length of a block.

        Raises:
            UserError: before the block begins, if a file cannot be written or another process is
                writing it.
        """
        with contextlib.ExitStack() as stack:
            for name in dict.fromkeys((self.json, self.json_lines, self.html, self.junit)):
                if name is not None and name != "-":
                    require_writable(Path(name))
                    stack.enter_context(storage.locked_file(name))
            yield


def write_outputs(report: CheckReport, outputs: Outputs) -> None:
    """Write the documents that were asked for, each file beside and then renamed."""
    text = json_format.dumps(report.as_json(), indent=1)
    if outputs.json == "-":
        print(text)
    elif outputs.json is not None:
        storage.write_bytes(outputs.json, text.encode())
    if outputs.html is not None:
        storage.write_bytes(outputs.html, write_html(report).encode())
    if outputs.junit is not None:
        storage.write_bytes(outputs.junit, write_junit(report.clips, report.gates).encode())
