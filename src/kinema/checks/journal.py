"""The lines of `kinema check --json-lines`: one a clip as soon as it is known, and read again.

A line is the clip's entry of the JSON, with its pair and its gates, and a `stamp`: size and time of
the file and of its reference, and a digest of the settings. The next run with the same file keeps
every line whose stamp still holds and checks the rest, so that a run over 100,000 clips that was
stopped goes on where it was.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

from kinema import storage
from kinema.checks.report import Checked
from kinema.errors import UserError, printable

Line = dict[str, Any]


class Journal:
    """Lines in a file, or on the terminal, where nothing is read again.

    Args:
        path: the file; "-" for the terminal.
        settings: everything besides the files on which the results depend.
    """

    def __init__(self, path: str, *settings: object) -> None:
        words = repr((version("kinema"), *settings))
        self.path, self.digest = path, hashlib.sha256(words.encode()).hexdigest()[:12]
        self.out: TextIO = sys.stdout

    def resume(self, files: list[Path], references: dict[Path, Path]) -> dict[Path, Checked]:
        """Return what earlier runs found of these files, drop the lines that do not hold, and open.

        A file that could not be read is read again. Lines of other files stay.

        Raises:
            UserError: if the file holds something else, which is not written over.
        """
        if self.path == "-":
            return {}
        asked = {printable(str(file)): file for file in files}
        kept, done = {}, {}
        for line in self.lines():
            name, stamp = line["file"], line["stamp"]
            file = asked.get(name)
            if file is None:
                now = [self.digest, stamp_of(name), stamp[2]]
            else:
                now = self.stamp(file, references.get(file))
            if stamp == now and stamp[1] is not None and not line.get("error"):
                kept[name] = line
                if file is not None:
                    done[file] = Checked.from_json(line)
        text = "".join(json.dumps(line) + "\n" for line in kept.values())
        storage.write_bytes(self.path, text.encode())
        self.out = open(self.path, "a", encoding="utf-8")  # noqa: SIM115, `close` closes it
        return done

    def lines(self) -> Iterator[Line]:
        """Yield the lines that were written whole."""
        path = Path(self.path)
        text = path.read_bytes() if path.exists() else b""
        for number, line in enumerate(text.splitlines(keepends=True), 1):
            if line.endswith(b"\n"):
                yield self.parsed(line, number)

    def parsed(self, text: bytes, number: int) -> Line:
        try:
            line = json.loads(text)
            assert isinstance(line["file"], str)
            assert len(line["stamp"]) == 3
        except (ValueError, TypeError, KeyError, AssertionError) as error:
            raise UserError(
                f"{self.path} is not a file of kinema check --json-lines (line {number}): name "
                "another file."
            ) from error
        return line

    def stamp(self, file: Path, reference: Path | None) -> list[Any]:
        """Return the digest of the settings, and size and time of the two files."""
        return [self.digest, stamp_of(file), stamp_of(reference) if reference else None]

    def add(self, file: Path, reference: Path | None, one: Checked) -> None:
        """Write the line of a file."""
        line = one.as_json() | {"stamp": self.stamp(file, reference)}
        print(json.dumps(line), file=self.out, flush=True)

    def close(self) -> None:
        """Close the file."""
        if self.out is not sys.stdout:
            self.out.close()


def stamp_of(file: str | Path) -> list[int] | None:
    """Return the size and the time of a file, which change with it; None if it is not there."""
    try:
        status = Path(file).stat()
    except (OSError, ValueError):
        return None
    return [status.st_size, status.st_mtime_ns]
