"""What a long study leaves behind: small JSON files, which may be copied and committed."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from kinema.errors import UserError, nearest
from kinema.storage import write_bytes

R = TypeVar("R")
Key = tuple[Any, ...]


@dataclass
class RecordStore(Generic[R]):
    """Files of records, and the settings behind them, kept alike in one or more folders."""

    folders: Sequence[Path]  # what lies in any of them is known; each of them receives what is new
    study: str  # whose records they are, as it is called in a sentence
    kind: type[R]  # the dataclass of a record
    keys: tuple[str, ...]  # the names in a file of what tells its records apart

    def read(self, name: str) -> dict[Key, R]:
        """Return the records in the file of a name, those of all folders together.

        Raises:
            UserError: if a file is not one of records.
        """
        found: dict[Key, R] = {}
        for path in (folder / f"{file_name(name)}.json" for folder in self.folders):
            try:
                rows = json.loads(path.read_text()) if path.exists() else []
                found |= dict(self.parsed(row) for row in rows)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise UserError(
                    f"{path} holds no records of {self.study}: move it away."
                ) from error
        return found

    def parsed(self, row: dict[str, Any]) -> tuple[Key, R]:
        """Return the key and the record of a line in a file."""
        key = tuple(row.pop(name) for name in self.keys)
        return key, self.kind(**row)

    def add(self, name: str, new: dict[Key, R]) -> None:
        """Write records beside those that are there, each folder's file as a whole."""
        records: dict[Key, Any] = self.read(name) | new
        rows = [
            json.dumps(dict(zip(self.keys, key, strict=True)) | asdict(record))
            for key, record in records.items()
        ]
        text = "[\n" + ",\n".join(rows) + "\n]\n"  # a line a record: small differences
        for folder in self.folders:
            write_bytes(folder / f"{file_name(name)}.json", text.encode())

    def share(self, names: Iterable[str]) -> None:
        """Bring the records that only some folder has into all of them."""
        for name in names:
            if self.read(name):
                self.add(name, {})

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
                        f"{folder} holds records of {self.study} made with {name} {there}, not "
                        f"{settings.get(name)}: use that, or another folder."
                    )


MEASURED = "measured"
"""In the place of an arm's name: train none, take what is there."""


def chosen(names: Sequence[str], arms: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the arms that are named, in their order; all if none is named.

    arms: arm -> the names that it goes by, its groups' among them. `MEASURED` alone names none.

    Raises:
        UserError: for an unknown name; it tells the nearest.
    """
    known = [*dict.fromkeys(name for all_names in arms.values() for name in all_names), MEASURED]
    for name in names:
        if name not in known:
            raise UserError(f"There is no arm {name!r}; {nearest(name, known)}")
    return [arm for arm, own in arms.items() if not names or {*own} & {*names}]


def file_name(name: str) -> str:
    """Return words and numbers joined by dashes."""
    return "-".join(re.findall(r"\w+", name))


def machines_of(names: Iterable[str]) -> tuple[list[str], str]:
    """Return each machine once, and a sentence that numbers them; "" is one that is not known."""
    machines = list(dict.fromkeys(names))
    numbered = "; ".join(f"{i}: {name or 'unknown'}" for i, name in enumerate(machines, 1))
    return machines, f"Machines: {numbered}."


def not_measured(names: Sequence[str]) -> str:
    """Return a sentence that says what has no record yet; "" if nothing is missing."""
    return f"Not measured yet: {'; '.join(names)}." if names else ""
