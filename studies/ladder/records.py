"""What the ladder leaves behind: a small JSON file for each arm, which may be copied and committed.

A ladder may be climbed in several sessions and on several machines: what has a record is not done
again, and each record says on which machine it was measured.
"""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from kinema.reports.records import RecordFolders

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
class Store(RecordFolders):
    """The records of finished arms in one or more folders; each of them receives what is new."""

    probe: str = field(default="the ladder", init=False)

    def read(self, name: str) -> dict[Key, Record]:
        """The records of an arm, or of a floor.

        Raises:
            UserError: if a file is not one of records.
        """
        return dict(sorted(self.rows(name, keyed), key=lambda item: item[0][2]))

    def add(self, name: str, new: dict[Key, Record]) -> None:
        """Write records beside those that are there, each folder's file as a whole."""
        rows = [
            {"way": way, "budget": budget, "seed": seed, **asdict(record)}
            for (way, budget, seed), record in (self.read(name) | new).items()
        ]
        self.write(name, rows)

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


def keyed(row: dict[str, Any]) -> tuple[Key, Record]:
    """A record of a file."""
    key = row.pop("way"), row.pop("budget"), row.pop("seed")
    return key, Record(**row)


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
