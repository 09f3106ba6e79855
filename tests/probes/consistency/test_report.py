import numpy as np
import pytest

from kinema.metrics.objects.physics import PROBES
from kinema.probes.consistency.probe import (
    FILES,
    GENERATED,
    ConsistencyFindings,
    ConsistencyProbe,
    Proof,
    probe_clip,
)
from kinema.probes.consistency.report import (
    physics_table,
    proof_table,
    report_of,
    score_cell,
    score_table,
)
from kinema.worlds import Rendering, discs


@pytest.fixture(scope="module")
def probed():
    return [
        probe_clip(discs.render([k], Rendering(32, level=3))[0].frames, 10, f"{k}", True)
        for k in range(2)
    ]


def test_a_share_has_its_interval_and_its_n(probed):
    rows = {row[0]: row[1:] for row in physics_table({"discs": probed})[1:]}
    assert rows.keys() == PROBES.keys()
    assert rows["count"][0] == "0 % (0-66), told 2 of 2"
    assert rows["gravity"][0] == "cannot tell (0 of 2)"


def test_scores_stand_by_what_must_not_change(probed):
    header, *rows = score_table({"discs": probed})
    assert header == ["what must not change", "score", "discs"]
    assert {row[0] for row in rows} >= {"identity", "camera"} and {len(row) for row in rows} == {3}
    assert score_cell([1.0, 1.0, float("nan")]) == "1 (1 to 1), n = 2"
    assert score_cell([float("nan")]) == "-"


def test_seen_and_false_alarms_of_a_proof(probed):
    gravity, count = ([one.physics[name] for one in probed] for name in ("gravity", "count"))
    (row,) = proof_table({"a fault": Proof("count", gravity, count)})[1:]
    assert row == ["a fault", "count", "cannot tell (0 of 2)", "0 % (0-66), told 2 of 2"]


@pytest.mark.parametrize("subject", [FILES, GENERATED])
def test_files_are_told_clip_by_clip(probed, subject, tmp_path):
    findings = ConsistencyFindings(ConsistencyProbe(["a b.mp4"]), {subject: probed}, {})
    text = report_of(findings).page(tmp_path / "page.md")
    assert ("## Clip by clip" in text) == (subject == FILES)
    assert "`kinema probe consistency 'a b.mp4' --model tabletop --num-clips 24 --level 2" in text


def test_why_nothing_can_be_told_is_said(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    findings = ConsistencyFindings(ConsistencyProbe(), {FILES: [probe_clip(noise, 8, "noise")]}, {})
    assert "noise: cannot tell: " in report_of(findings).page(tmp_path / "page.md")
