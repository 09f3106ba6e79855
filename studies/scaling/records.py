"""What is kept of each arm: its learning curve, and its velocity error on every clip."""

from dataclasses import asdict, dataclass, field
from typing import Any

from kinema.reports.records import RecordFolders

BASELINES = "baselines"


@dataclass
class Record:
    """How one arm did; or, with errors alone, the floor or a baseline.

    Attributes:
        errors: where -> the velocity error of each clip that could be judged, units a second.
        parameters: of the network.
        samples: clips seen at each validation.
        curve: mean velocity error on the run's own unseen clips at each validation.
        clips_per_second: of the training alone.
        machine: where it was trained.
    """

    errors: dict[str, list[float]]
    parameters: int = 0
    samples: list[int] = field(default_factory=list)
    curve: list[float] = field(default_factory=list)
    clips_per_second: float = 0.0
    machine: str = ""


Records = dict[str, Record]
"""arm, or floor or baseline -> its record."""


@dataclass
class Store(RecordFolders):
    """The records of finished arms in one or more folders; each of them receives what is new."""

    probe: str = field(default="the scaling probe", init=False)

    def read(self, name: str) -> Records:
        """The records in a file: of an arm one, under `BASELINES` the floor and all baselines.

        Raises:
            UserError: if a file is not one of records.
        """
        return dict(self.rows(name, named))

    def add(self, name: str, records: Records) -> None:
        """Write a file of records."""
        self.write(name, [{"name": key, **asdict(record)} for key, record in records.items()])

    def all(self, names: list[str]) -> Records:
        """What there is of these arms, brought into all folders."""
        found: Records = {}
        for name in names:
            if records := self.read(name):
                self.add(name, records)
                found |= records
        return found


def named(row: dict[str, Any]) -> tuple[str, Record]:
    """A record of a file."""
    return row.pop("name"), Record(**row)
