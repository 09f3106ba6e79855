"""What a long probe leaves behind: small JSON files, which may be copied and committed.

So it may be taken up in several sessions and on several machines: what has a record is not done
again.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kinema.errors import UserError
from kinema.storage import write_bytes

T = TypeVar("T")


@dataclass
class RecordFolders:
    """Files of records, and the settings behind them, kept alike in one or more folders.

    Attributes:
        folders: what lies in any of them is known; each of them receives what is new.
        probe: whose records they are, as it is called in a sentence.
    """

    folders: list[Path]
    probe: str

    def rows(self, name: str, parse: Callable[[Any], T]) -> list[T]:
        """The parsed records under a name, folder by folder.

        Raises:
            UserError: if a file is not one of records.
        """
        found: list[T] = []
        for folder in self.folders:
            path = folder / f"{file_name(name)}.json"
            if not path.exists():
                continue
            try:
                found += [parse(row) for row in json.loads(path.read_text())]
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise UserError(
                    f"{path} holds no records of {self.probe}: move it away."
                ) from error
        return found

    def write(self, name: str, rows: list[dict[str, Any]]) -> None:
        """Write the records of a name into every folder, each file as a whole."""
        lines = ",\n".join(json.dumps(row) for row in rows)  # a line a record: small differences
        for folder in self.folders:
            write_bytes(folder / f"{file_name(name)}.json", f"[\n{lines}\n]\n".encode())

    def keep_settings(self, settings: dict[str, Any]) -> None:
        """Write the settings beside the records, or find the same ones there.

        Raises:
            UserError: if a folder holds the records of other settings.
        """
        for folder in self.folders:
            path = folder / "settings.json"
            if not path.exists():
                write_bytes(path, (json.dumps(settings, indent=2) + "\n").encode())
            for name, there in json.loads(path.read_text()).items():
                if settings.get(name) != there:
                    raise UserError(
                        f"{folder} holds records of {self.probe} made with {name} {there}, not "
                        f"{settings.get(name)}: use that, or another folder."
                    )


def file_name(name: str) -> str:
    """Words and numbers joined by dashes."""
    return "-".join(re.findall(r"\w+", name))
