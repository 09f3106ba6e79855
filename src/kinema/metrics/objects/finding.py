"""What a probe of physics says: it holds, it is violated, or nobody can tell, and why."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Concatenate, ParamSpec

import numpy as np

from kinema.metrics.objects.tracks import Followed

Options = ParamSpec("Options")
Probe = Callable[Concatenate[Followed, Options], "Finding"]


@dataclass(frozen=True)
class Finding:
    """The answer of one probe on one clip."""

    holds: bool | None  # True, False, or None where the clip does not show enough to tell
    value: float  # what was measured, in `unit`; NaN where nothing could be
    unit: str = ""  # of the value; `needs_objects` fills it in
    frames: list[int] = field(default_factory=list)  # where it is violated
    count: int = 0  # how many objects, flights, meetings or impacts were looked at
    note: str = ""  # why nobody can tell, or what was assumed

    @property
    def verdict(self) -> str:
        """ "holds", "violated" or "cannot tell"."""
        return {True: "holds", False: "violated", None: "cannot tell"}[self.holds]

    def as_json(self) -> dict:
        """Plain values; a value that is not there is None."""
        value = None if np.isnan(self.value) else round(self.value, 4)
        return {
            "verdict": self.verdict,
            "value": value,
            "unit": self.unit,
            "frames": self.frames,
            "count": self.count,
            "note": self.note,
        }


def cannot_tell(note: str) -> Finding:
    """Return the finding of a probe that finds nothing to measure."""
    return Finding(None, float("nan"), note=note)


def needs_objects(unit: str, at_rest: bool = False) -> Callable[[Probe[Options]], Probe[Options]]:
    """Let a probe measure in a unit, and answer "cannot tell" where it has no objects to measure.

    at_rest: whether positions must mean something: then the background must rest, too.
    """

    def decorate(probe: Probe[Options]) -> Probe[Options]:
        @wraps(probe)
        def answer(objects: Followed, *args: Options.args, **options: Options.kwargs) -> Finding:
            doubt = objects.doubt or (
                "the background moves" if at_rest and not objects.still else ""
            )
            found = cannot_tell(doubt) if doubt else probe(objects, *args, **options)
            return replace(found, unit=unit)

        return answer

    return decorate
