"""Where the results of a check go: JSON, an HTML page, JUnit XML."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kinema import storage
from kinema.checks.gates import write_junit
from kinema.checks.html_page import write_html
from kinema.checks.report import CheckReport
from kinema.storage.atomic import require_writable


@dataclass(frozen=True)
class Outputs:
    """Files to write.

    Attributes:
        json: everything ("-" for the terminal).
        html: one self-contained page with pictures and curves.
        junit: the gates as JUnit XML.
        quiet: print nothing but what json "-" prints.
    """

    json: str | None = None
    html: str | None = None
    junit: str | None = None
    quiet: bool = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the places of the files for the length of a block.

        Raises:
            UserError: before the block begins, if a file cannot be written or another process is
                writing it.
        """
        with ExitStack() as stack:
            for name in dict.fromkeys((self.json, self.html, self.junit)):
                if name is not None and name != "-":
                    require_writable(Path(name))
                    stack.enter_context(storage.locked_file(name))
            yield


def write_outputs(report: CheckReport, outputs: Outputs) -> None:
    """Write what was asked for, each file beside and then renamed."""
    text = json_format.dumps(report.as_json(), indent=1)
    if outputs.json == "-":
        print(text)
    elif outputs.json is not None:
        storage.write_bytes(outputs.json, text.encode())
    if outputs.html is not None:
        storage.write_bytes(outputs.html, write_html(report).encode())
    if outputs.junit is not None:
        storage.write_bytes(outputs.junit, write_junit(report.clips, report.gates).encode())
