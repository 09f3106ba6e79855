"""Gates: conditions that a nightly run must meet, and their results as JUnit XML.

```yaml
forbid: [flicker, cut]       # failures that no clip may show
confidence: 0.5              # from which confidence a forbidden failure counts
max: {gain_flicker: 1.0}     # scores that no clip may exceed; what cannot be told passes
min: {motion: 0.2}           # scores that no clip may fall below
worse: false                 # whether a clip may be worse than its counterpart (--against); false
                             # also asks that at least one clip has a counterpart
errors: false                # whether files that cannot be read are let pass
```
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import yaml

from kinema.checks.clip_report import ClipReport, told
from kinema.errors import UserError, printable
from kinema.fields import Share, check_values
from kinema.metrics.features.embeddings import EMBEDDING_SCORES
from kinema.metrics.vector import METRICS
from kinema.metrics.verdicts import FAULTS


@dataclass(frozen=True)
class GateResult:
    """One condition on one clip: what it asked, whether it holds, and what was found."""

    file: str
    condition: str
    passed: bool
    found: str


@dataclass(frozen=True)
class Gate:
    """Conditions on every clip; see the module's example."""

    forbid: tuple[str, ...] = ()
    confidence: Share = 0.5
    max: dict[str, float] = field(default_factory=dict)
    min: dict[str, float] = field(default_factory=dict)
    worse: bool = True
    errors: bool = False

    def apply_to(self, report: ClipReport, verdict: str | None) -> list[GateResult]:
        """Ask every condition of a clip; `verdict` is of its comparison, None if there was none."""
        return list(self._apply_to(report, verdict))

    def apply_to_all(self, num_pairs: int) -> list[GateResult]:
        """Ask what is asked of all clips together: with `worse: false`, whether any was compared.

        A misspelt folder of references would otherwise pass everything.
        """
        if self.worse:
            return []
        found = f"{num_pairs} clips have a counterpart that can be read"
        return [GateResult("all clips", "clips are compared", num_pairs > 0, found)]

    def _apply_to(self, report: ClipReport, verdict: str | None) -> Iterator[GateResult]:
        if report.error or report.verdict == "error":
            yield GateResult(report.file, "can be read", self.errors, str(report.error))
        if report.verdict == "error":
            return
        shown = {failure.name: failure for failure in report.failures}
        for name in self.forbid:
            failure = shown.get(name)
            sure = failure.confidence if failure else 0.0
            passed = failure is None or sure < self.confidence
            yield GateResult(report.file, f"no {name}", passed, f"confidence {sure:.2f}")
        for name in {**self.max, **self.min}.keys() - report.scores.keys():
            yield GateResult(report.file, f"{name} is measured", False, "no encoder or no prompt")
        for name, limit in self.max.items():
            value = value_of(report, name)
            yield GateResult(report.file, f"{name} <= {limit:g}", not value > limit, told(value))
        for name, limit in self.min.items():
            value = value_of(report, name)
            yield GateResult(report.file, f"{name} >= {limit:g}", not value < limit, told(value))
        if not self.worse and verdict is not None:
            yield GateResult(report.file, "not worse", verdict != "worse", verdict)


def read_gate(path: str | Path) -> Gate:
    """Read a gate file.

    Raises:
        UserError: if it is missing, not YAML, or names a condition, failure or score that
            does not exist.
    """
    try:
        content = yaml.safe_load(Path(path).read_text())
    except OSError as error:
        raise UserError(f"Cannot read the gate file {path}: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"The gate file {path} is not YAML: {error}.") from error
    if not isinstance(content, dict) or not content:
        raise UserError(f"The gate file {path} holds no conditions: see docs/check.md.")
    given = {name: value for name, value in content.items() if value is not None}
    check_values(given, Gate, f"The gate file {path}")
    gate = Gate(**given | {"forbid": tuple(given.get("forbid", ()))})
    require_known(path, "failure", set(gate.forbid), set(FAULTS))
    require_known(path, "score", {*gate.max, *gate.min}, {*METRICS, *EMBEDDING_SCORES})
    return gate


def value_of(report: ClipReport, score: str) -> float:
    """Return the value of a score of a clip; NaN if it was not measured."""
    return report.scores[score].value if score in report.scores else float("nan")


def write_junit(reports: list[ClipReport], gates: list[GateResult]) -> str:
    """Write JUnit XML: a test case a gate and clip; without gates, one a clip, by its verdict."""
    cases = gates or [
        GateResult(
            report.file,
            "no failure",
            report.verdict == "pass",
            report.error or ", ".join(failure.name for failure in report.failures),
        )
        for report in reports
    ]
    failed = sum(not case.passed for case in cases)
    suite = ElementTree.Element(
        "testsuite", name="kinema check", tests=str(len(cases)), failures=str(failed)
    )
    for case in cases:
        element = ElementTree.SubElement(
            suite, "testcase", classname=printable(case.file), name=case.condition
        )
        if not case.passed:
            ElementTree.SubElement(element, "failure", message=printable(case.found))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def require_known(path: str | Path, kind: str, given: set, known: set) -> None:
    for name in sorted(given - known, key=str):
        choices = ", ".join(sorted(known))
        raise UserError(f"The gate file {path} names the {kind} {name!r}; there are: {choices}.")
