"""What the ladder leaves behind: a small JSON file for each arm, which may be copied and committed.

A ladder may be climbed in several sessions and on several machines: what has a record is not done
again, and each record says on which machine it was measured.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from studies.records import Key, RecordStore

SAMPLES, MINUTES = "equal samples", "equal minutes"
BUDGETS = (SAMPLES, MINUTES)


@dataclass
class Record:
    """How one row did, or the floor."""

    clips: dict[str, list[float]]  # score -> its figure for each clip
    drift: list[float]  # identity drift at each lag, the mean over clips
    samples: int = 0  # clips that it was trained on
    held_out: float = math.nan  # flow loss on unseen clips
    cost: dict[str, float] | None = None  # what a step costs; None for the floor
    machine: str = ""  # where it was measured; "" for the floor


Records = dict[tuple[str, str, str], list[Record]]
"""(arm, way, budget) -> a record for each seed."""


class Store(RecordStore[Record]):
    """The records of finished arms in one or more folders; each of them receives what is new."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(folders, "the ladder", Record, ("way", "budget", "seed"))

    def read(self, name: str) -> dict[Key, Record]:
        """Return the records of an arm, or of a floor, in the order of their seeds."""
        return dict(sorted(super().read(name).items(), key=lambda item: item[0][2]))

    def all(self, names: Sequence[str]) -> Records:
        """Return what there is of these arms."""
        records: Records = {}
        for name in names:
            for (way, budget, _), record in self.read(name).items():
                records.setdefault((name, way, budget), []).append(record)
        return records


def missing(records: Records, arms: dict[str, tuple[str, ...]], seeds: int) -> list[str]:
    """Return what is not measured yet, in words.

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
