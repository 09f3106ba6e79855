"""Everything that a check found, and its documented JSON (docs/check.md)."""

from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np

from kinema.checks.clip_report import SCHEMA, ClipReport, plain
from kinema.checks.gates import GateResult
from kinema.checks.sets import SetRow
from kinema.metrics.comparison import Change, Comparison, Trend
from kinema.metrics.evidence import Score
from kinema.metrics.verdicts import Failure


@dataclass
class Pair:
    """A clip, the clip it was compared with, and the verdict on it."""

    file: str
    against: str
    comparison: Comparison
    fidelity: dict[str, float | None] | None = None  # PSNR and others; None unless asked
    strip: bytes = b""  # JPEG of the reference's frames; b"" unless pictures were asked for


@dataclass
class Checked:
    """Everything that is known of one file, once it and its reference have been measured."""

    clip: ClipReport
    pair: Pair | None = None
    gates: list[GateResult] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Make the clip's entry of the documented schema, with its pair and gates in it."""
        pair, gates = self.pair and pair_json(self.pair), [asdict(gate) for gate in self.gates]
        return self.clip.as_json() | {"pair": pair, "gates": gates}

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> "Checked":
        """Read what `as_json` made; the scores come without their curves."""
        none = np.empty(0)
        known = {name: entry[name] for name in ("file", "num_frames", "fps", "text", "notes")}
        clip = ClipReport(
            **known,
            size=tuple(entry["size"]),
            scores={name: Score(number(value), none) for name, value in entry["scores"].items()},
            failures=[Failure(**failure) for failure in entry["failures"]],
            vbench=entry["vbench"] or {},
        )
        pair = entry["pair"] and pair_from_json(entry["pair"])
        return cls(clip, pair, [GateResult(**gate) for gate in entry["gates"]])


@dataclass
class CheckReport:
    """Everything `kinema check` found."""

    clips: list[ClipReport]  # in the order of the files
    pairs: list[Pair] = field(default_factory=list)  # with `against`
    trends: list[Trend] = field(default_factory=list)  # over all pairs; empty below 5
    unpaired: list[str] = field(default_factory=list)  # files that have no counterpart
    gates: list[GateResult] = field(default_factory=list)  # asked by the gate file
    rows: list[SetRow] = field(default_factory=list)  # of the set, one a score
    vbench: dict[str, Any] | None = None  # of the set; None unless asked

    def add(self, one: Checked) -> None:
        """Take in what was found of one more file."""
        self.clips.append(one.clip)
        self.pairs += [one.pair] if one.pair else []
        self.gates += one.gates

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
            "set": [row_json(row) for row in self.rows],
            "vbench": self.vbench,
        }


def row_json(row: SetRow) -> dict[str, Any]:
    return {
        "score": row.score,
        "mean": plain(row.mean, 6),
        "interval": [plain(x, 6) for x in row.interval],
        "n": row.num_clips,
        "floor": plain(row.floor, 6),
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
            "before": plain(change.before, 6),
            "after": plain(change.after, 6),
            "frames": list(change.frames),
        }
        for change in comparison.changes
    ]
    return {
        "file": pair.file,
        "against": pair.against,
        "verdict": comparison.verdict,
        "probability": plain(comparison.probability, 4),
        "sentence": comparison.sentence,
        "reasons": comparison.reasons,
        "test": comparison.test,
        "changes": changes,
        "fidelity": pair.fidelity and {k: plain(v, 6) for k, v in pair.fidelity.items()},
    }


def pair_from_json(entry: dict[str, Any]) -> Pair:
    """Read what `pair_json` made."""
    changes = [
        Change(
            change["failure"],
            change["score"],
            number(change["change"]),
            change["threshold"],
            change["detectable"] / 2.8,  # of which it is made (see `Change.detectable`)
            number(change["before"]),
            number(change["after"]),
            tuple(change["frames"]),
        )
        for change in entry["changes"]
    ]
    comparison = Comparison(
        entry["verdict"],
        entry["reasons"],
        changes,
        entry["test"],
        number(entry["probability"]),
        entry["sentence"],
    )
    return Pair(entry["file"], entry["against"], comparison, entry["fidelity"])


def number(value: float | None) -> float:
    """Read what `plain` wrote."""
    return float("nan") if value is None else value


def trend_json(trend: Trend) -> dict[str, Any]:
    return {
        "failure": trend.fault,
        "score": trend.metric,
        "mean_change": round(trend.mean, 4),
        "interval": [round(x, 4) for x in trend.interval],
        "p_value": round(trend.p_value, 5),
        "detectable": round(trend.detectable, 4),
    }
