"""What is known about one checked clip: enough for JSON, HTML, gates and comparison, no frames."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

import numpy as np

from kinema.metrics.evidence import Score
from kinema.metrics.verdicts import Failure, quality

SCHEMA = 1  # of the JSON; a key may be added under one number, never renamed or removed


@dataclass
class ClipReport:
    """One clip's scores and failures."""

    file: str  # its path or name
    num_frames: int = 0  # how many were read
    fps: float = 0.0  # frames per second
    size: tuple[int, int] = (0, 0)  # native height and width
    scores: dict[str, Score] = field(default_factory=dict)  # each with its curve over the frames
    failures: list[Failure] = field(default_factory=list)  # surest first
    fingerprint: np.ndarray | None = None  # (16 256), to tell whether two clips show the same thing
    text: str = ""  # the caption or prompt in the file, "" if there is none
    strip: bytes = b""  # JPEG of frames over the clip; b"" unless pictures were asked for
    moments: list[Moment] = field(default_factory=list)  # pictures of the worst moments
    vbench: dict[str, float | None] = field(default_factory=dict)  # by dimension; {} unless asked
    notes: list[str] = field(default_factory=list)  # sentences on how it was read
    error: str | None = None  # why reading stopped; None if the whole file was read

    @property
    def verdict(self) -> str:
        """ "fail" with any failure, "pass" without, "error" if nothing could be measured."""
        if not self.scores:
            return "error"
        return "fail" if self.failures else "pass"

    @property
    def quality(self) -> float:
        """See `verdicts.quality`; 0 if nothing could be measured."""
        return quality(self.failures) if self.scores else 0.0

    def as_json(self) -> dict:
        """The clip's entry of the documented schema (docs/check.md)."""
        scores = {name: plain(score.value, 6) for name, score in self.scores.items()}
        entry = {
            "file": self.file,
            "verdict": self.verdict,
            "quality": round(self.quality, 4),
            "failures": [asdict(failure) for failure in self.failures],
            "scores": scores,
            "num_frames": self.num_frames,
            "fps": round(self.fps, 3),
            "size": list(self.size),
            "text": self.text,
            "notes": self.notes,
            "vbench": {name: plain(v, 6) for name, v in self.vbench.items()} or None,
        }
        return entry | ({"error": self.error} if self.error else {})

    def without_curves(self) -> ClipReport:
        """Return what JSON and gates need, which is a hundredth of the memory."""
        none = np.empty(0)
        scores = {name: Score(score.value, none) for name, score in self.scores.items()}
        return replace(self, scores=scores, fingerprint=None)


def plain(value: float | None, digits: int) -> float | None:
    """Round a number as JSON takes it; None if it cannot be told (None, NaN)."""
    return None if value is None or np.isnan(value) else round(value, digits)


def told(value: float) -> str:
    """Write a number with four digits; "cannot tell" for NaN."""
    return "cannot tell" if np.isnan(value) else f"{value:.4g}"


@dataclass
class Moment:
    """Pictures of one worst moment."""

    failure: str  # its name
    frame: int  # index in the clip
    pictures: list[tuple[str, bytes]]  # (caption, JPEG) pairs
