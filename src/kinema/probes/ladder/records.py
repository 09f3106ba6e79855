"""What the ladder leaves behind: a small JSON file for each arm, which may be copied and committed.

A ladder may be climbed in several sessions and on several machines: what has a record is not done
again, and each record says on which machine it was measured.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kinema.clips import write_bytes
from kinema.errors import UserError

SAMPLES, MINUTES = "equal samples", "equal minutes"
BUDGETS = (SAMPLES, MINUTES)


@dataclass
class Record:
    """How one row did, or the floor.

    Attributes:
        clips: score -> its figure for each clip.
        drift: identity drift at each lag, the mean over clips.
        samples: clips that it was trained on.
        held_out: flow loss on unseen clips.
        cost: what a step costs; None for the floor.
        machine: where it was measured; "" for the floor.
    """

    clips: dict[str, list[float]]
    drift: list[float]
    samples: int = 0
    held_out: float = math.nan
    cost: dict[str, float] | None = None
    machine: str = ""


Key = tuple[str, str, int]
"""(way, budget, seed) of a record."""

Records = dict[tuple[str, str, str], list[Record]]
"""(arm, way, budget) -> a record for each seed."""


@dataclass
class Store:
    """The records of finished arms in one or more folders; each of them receives what is new.

    Attributes:
        folders: what lies in any of them is known.
    """

    folders: list[Path]

    def read(self, name: str) -> dict[Key, Record]:
        """The records of an arm, or of a floor.

        Raises:
            UserError: if a file is not one of records.
        """
        found: dict[Key, Record] = {}
        for folder in self.folders:
            path = folder / f"{file_name(name)}.json"
            if path.exists():
                found |= dict(rows_of(path))
        return dict(sorted(found.items(), key=lambda item: item[0][2]))

    def add(self, name: str, new: dict[Key, Record]) -> None:
        """Write records beside those that are there, each folder's file as a whole."""
        found = self.read(name) | new
        rows = [
            {"way": way, "budget": budget, "seed": seed, **asdict(record)}
            for (way, budget, seed), record in found.items()
        ]
        lines = ",\n".join(json.dumps(row) for row in rows)  # a line a record: small differences
        for folder in self.folders:
            write_bytes(folder / f"{file_name(name)}.json", f"[\n{lines}\n]\n".encode())

    def share(self, names: list[str]) -> None:
        """Bring what only some folder has into all of them."""
        for name in names:
            if self.read(name):
                self.add(name, {})

    def all(self, names: list[str]) -> Records:
        """What there is of these arms."""
        records: Records = {}
        for name in names:
            for (way, budget, _), record in self.read(name).items():
                records.setdefault((name, way, budget), []).append(record)
        return records

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
                        f"{folder} holds a ladder climbed with {name} {there}, not "
                        f"{settings.get(name)}: use that, or another folder."
                    )


def rows_of(path: Path) -> Iterator[tuple[Key, Record]]:
    """The records in a file."""
    try:
        for row in json.loads(path.read_text()):
            key = row.pop("way"), row.pop("budget"), row.pop("seed")
            yield key, Record(**row)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} holds no records of the ladder: move it away.") from error


def missing(records: Records, arms: dict[str, tuple[str, ...]], seeds: int) -> list[str]:
    """What is not measured yet, in words.

    Args:
        records: what is there.
        arms: name -> the ways that are scored.
        seeds: runs that there should be of each arm and budget.
    """
    told = []
    for name, ways in arms.items():
        counts = [min(len(records.get((name, way, b), [])) for way in ways) for b in BUDGETS]
        if not any(counts):
            told.append(name)
            continue
        told += [
            f"{name} at {budget} ({count} of {seeds} seeds)"
            for budget, count in zip(BUDGETS, counts, strict=True)
            if count < seeds
        ]
    return told


def file_name(name: str) -> str:
    """Words and numbers joined by dashes."""
    return "-".join(re.findall(r"\w+", name))
