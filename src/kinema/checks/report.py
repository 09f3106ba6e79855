"""Everything that a check found, and its documented JSON (docs/check.md)."""

from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

from kinema.checks.clip_report import SCHEMA, ClipReport, plain
from kinema.checks.gates import GateResult
from kinema.metrics.comparison import Comparison, Trend


@dataclass
class Pair:
    """A clip, the clip it was compared with, and the verdict on it."""

    file: str
    against: str
    comparison: Comparison


@dataclass
class CheckReport:
    """Everything `kinema check` found."""

    clips: list[ClipReport]  # in the order of the files
    pairs: list[Pair] = field(default_factory=list)  # with `against`
    trends: list[Trend] = field(default_factory=list)  # over all pairs; empty below 5
    unpaired: list[str] = field(default_factory=list)  # files that have no counterpart
    gates: list[GateResult] = field(default_factory=list)  # asked by the gate file

    @property
    def status(self) -> int:
        """Exit status: 2 if nothing could be checked, 1 if a gate failed, else 0."""
        if all(clip.verdict == "error" for clip in self.clips):
            return 2
        return int(any(not gate.passed for gate in self.gates))

    def as_json(self) -> dict[str, Any]:
        """Make the JSON of the documented schema (docs/check.md)."""
        return {
            "schema": SCHEMA,
            "kinema": version("kinema"),
            "clips": [clip.as_json() for clip in self.clips],
            "pairs": [pair_json(pair) for pair in self.pairs],
            "trends": [trend_json(trend) for trend in self.trends],
            "unpaired": self.unpaired,
            "gates": [asdict(gate) for gate in self.gates],
        }


def pair_json(pair: Pair) -> dict[str, Any]:
    comparison = pair.comparison
    changes = [
        {
            "failure": change.fault,
            "score": change.metric,
            "change": plain(change.value, 4),
            "threshold": change.threshold,
            "detectable": round(change.detectable, 4),
        }
        for change in comparison.changes
    ]
    return {
        "file": pair.file,
        "against": pair.against,
        "verdict": comparison.verdict,
        "reasons": comparison.reasons,
        "probability": plain(comparison.probability, 3),
        "sentence": comparison.sentence,
        "test": comparison.test,
        "changes": changes,
    }


def trend_json(trend: Trend) -> dict[str, Any]:
    return {
        "failure": trend.fault,
        "score": trend.metric,
        "mean_change": round(trend.mean, 4),
        "interval": [round(x, 4) for x in trend.interval],
        "p_value": round(trend.p_value, 5),
        "detectable": round(trend.detectable, 4),
    }
