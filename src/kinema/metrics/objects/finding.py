"""What a probe of physics says: it holds, it is violated, or nobody can tell, and why."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Finding:
    """The answer of one probe on one clip.

    Attributes:
        holds: True, False, or None where the clip does not show enough to tell.
        value: what was measured, in `unit`; NaN where nothing could be.
        unit: of the value.
        frames: where it is violated.
        count: how many objects, flights, meetings or impacts were looked at.
        note: why nobody can tell, or what was assumed.
    """

    holds: bool | None
    value: float
    unit: str
    frames: list[int] = field(default_factory=list)
    count: int = 0
    note: str = ""

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


def cannot_tell(unit: str, note: str) -> Finding:
    """The finding of a probe that finds nothing to judge."""
    return Finding(None, float("nan"), unit, note=note)
