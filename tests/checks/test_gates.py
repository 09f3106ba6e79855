from xml.etree import ElementTree

import numpy as np
import pytest

from kinema.checks.clip_report import ClipReport
from kinema.checks.gates import Gate, GateResult, read_gate, write_junit
from kinema.errors import UserError
from kinema.metrics.evidence import Score
from kinema.metrics.verdicts import Failure


@pytest.fixture
def report():
    scores = {"motion": Score(0.8, np.full(4, 0.8)), "noise": Score(3.0, np.full(4, 3.0))}
    failure = Failure("noise", "architecture", [0, 1], 0.6, "noise", "Denoise.")
    return ClipReport("a.mp4", 4, 8.0, (64, 64), scores, [failure])


def failed(gate, report, verdict=None):
    return [result.condition for result in gate.apply_to(report, verdict) if not result.passed]


def test_forbidden_failures_count_from_their_confidence(report):
    assert failed(Gate(forbid=("noise", "cut")), report) == ["no noise"]
    assert failed(Gate(forbid=("noise",), confidence=0.7), report) == []


def test_limits(report):
    assert failed(Gate(max={"noise": 2.5}, min={"motion": 0.5}), report) == ["noise <= 2.5"]
    assert failed(Gate(min={"motion": 1.0}), report) == ["motion >= 1"]


def test_what_cannot_be_told_passes_and_what_is_not_measured_does_not(report):
    report.scores["strain"] = Score(np.nan, np.full(4, np.nan))
    (result,) = Gate(max={"strain": 1.0}).apply_to(report, None)
    assert result.passed
    assert result.found == "cannot tell"
    assert failed(Gate(max={"leap": 1.0}), report) == ["leap is measured"]


def test_worse_is_asked_only_of_compared_clips(report):
    gate = Gate(worse=False)
    assert failed(gate, report, "worse") == ["not worse"]
    assert failed(gate, report, "cannot tell") == []
    assert failed(gate, report) == []


def test_a_comparison_of_nothing_fails_the_gate_that_asks_for_one():
    (nothing,) = Gate(worse=False).apply_to_all(0)
    assert (nothing.passed, nothing.found) == (
        *(False, "0 clips have a counterpart that can be read"),
    )
    assert Gate(worse=False).apply_to_all(1)[0].passed
    assert Gate(forbid=("cut",)).apply_to_all(0) == []


def test_an_unreadable_file_fails_unless_let_pass():
    broken = ClipReport("b.mp4", error="b.mp4 is no video.")
    assert failed(Gate(max={"noise": 1}), broken) == ["can be read"]
    assert failed(Gate(errors=True), broken) == []


def test_a_gate_file(tmp_path):
    path = tmp_path / "gate.yaml"
    path.write_text("forbid: [flicker]\nmax: {noise: 2}\nworse: false\n")
    assert read_gate(path) == Gate(forbid=("flicker",), max={"noise": 2}, worse=False)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("forbid: [flimmer]", "flimmer"),
        ("max: {nois: 2}", "nois"),
        ("forbidden: [noise]", "forbidden"),
        ("max: 3", "max"),
        ("max: {motion: high}", "max takes a number, not high"),
        ("forbid: 3", "forbid takes a list"),
        ("forbid: [[flicker]]", "forbid takes text"),
        ("confidence: high", "confidence takes a number"),
        ("confidence: 5", "from 0 to 1"),
        ("confidence: -1", "from 0 to 1"),
        ("confidence: .nan", "finite"),
        ("max: {noise: .nan}", "finite"),
        ("worse: maybe", "worse takes true or false"),
        ("- a", "no conditions"),
        ("{", "not YAML"),
        ("", "no conditions"),
    ],
)
def test_a_wrong_gate_file_is_named(tmp_path, text, word):
    path = tmp_path / "gate.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=word):
        read_gate(path)


def test_a_gate_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "gate.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not YAML"):
        read_gate(tmp_path / "gate.yaml")


def test_a_missing_gate_file_is_named(tmp_path):
    with pytest.raises(UserError, match="gate.yaml"):
        read_gate(tmp_path / "gate.yaml")


def test_junit_counts(report):
    gates = Gate(forbid=("noise", "cut")).apply_to(report, None)
    suite = ElementTree.fromstring(write_junit([report], gates))
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert ElementTree.fromstring(write_junit([report], [])).get("failures") == "1"


def test_junit_is_xml_whatever_a_file_is_called():
    name = "a\x00\x07\udcff\ufffe]]>&<.mp4"
    case = GateResult(name, "no cut", False, f"{name} cannot be read\x1b")
    suite = ElementTree.fromstring(write_junit([], [case]).encode())
    assert suite[0].get("classname") == "a\\x00\\x07\\xff\\ufffe]]>&<.mp4"
    assert suite[0][0].get("message").endswith("cannot be read\\x1b")
