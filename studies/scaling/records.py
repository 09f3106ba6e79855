"""What is kept of each arm: its learning curve, and its velocity error on every clip."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from studies.records import RecordStore

BASELINES = "baselines"


@dataclass
class Record:
    """How one arm did; or, with errors alone, the floor or a baseline."""

    # where -> the velocity error of each clip that could be judged, units a second
    errors: dict[str, list[float]]
    parameters: int = 0  # of the network
    samples: list[int] = field(default_factory=list)  # clips seen at each validation
    # mean velocity error on the run's own unseen clips at each validation
    curve: list[float] = field(default_factory=list)
    clips_per_second: float = 0.0  # of the training alone
    machine: str = ""  # where it was trained


Records = dict[str, Record]
"""arm, or floor or baseline -> its record."""


class Store(RecordStore[Record]):
    """The records of finished arms in one or more folders; each of them receives what is new."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(folders, "the scaling study", Record, ("name",))

    def all(self, names: Sequence[str]) -> Records:
        """Return what there is of these arms, brought into all folders.

        An arm's file holds one record; that of `BASELINES` the floor and all baselines.
        """
        self.share(names)
        return {key: record for name in names for (key,), record in self.read(name).items()}
