"""Where the results of a check go: JSON, an HTML page, JUnit XML."""

import json as json_format
from dataclasses import dataclass
from pathlib import Path

from kinema import storage
from kinema.checks.gates import write_junit
from kinema.checks.html_page import write_html
from kinema.checks.report import CheckReport
from kinema.storage.atomic import require_writable


@dataclass(frozen=True)
class Outputs:
    """Files to write."""

    json: str | None = None  # everything ("-" for the terminal)
    html: str | None = None  # one self-contained page with pictures and curves
    junit: str | None = None  # the gates as JUnit XML
    quiet: bool = False  # print nothing but what json "-" prints

    def check(self) -> None:
        """Refuse a file that cannot be written, before the work begins."""
        for name in (self.json, self.html, self.junit):
            if name is not None and name != "-":
                require_writable(Path(name))


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
