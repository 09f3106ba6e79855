import json

import numpy as np
import pytest

from kinema.checks.clip_report import ClipReport
from kinema.checks.gates import GateResult
from kinema.checks.report import Checked, CheckReport, Pair
from kinema.metrics.comparison import Change, Comparison, Trend
from kinema.metrics.evidence import Score
from kinema.metrics.verdicts import Failure

BROKEN = ClipReport("broken.mp4", error="broken.mp4 holds no frames.")
GOOD = ClipReport("good.mp4", scores={"motion": Score(1.0, np.ones(3))})


def gate(passed):
    return GateResult("good.mp4", "no cut", passed, "confidence 0.10")


@pytest.mark.parametrize(
    ("clips", "gates", "status"),
    [
        ([BROKEN], [], 2),
        ([BROKEN, GOOD], [], 0),
        ([GOOD], [gate(True)], 0),
        ([GOOD], [gate(True), gate(False)], 1),
    ],
)
def test_the_exit_status(clips, gates, status):
    assert CheckReport(clips, gates=gates).status == status


def test_json_is_plain_and_what_cannot_be_told_is_null():
    changes = [
        Change("noise", "noise", 0.123456, 0.4, 0.01),
        Change("collapse", "strain", np.nan, 0.3, np.nan),
    ]
    pair = Pair("good.mp4", "ref/good.mp4", Comparison("same", [], changes, "in words"))
    trend = Trend("noise", "noise", 0.111111, (-0.55555, 0.77777), 0.0123456, 0.2)
    report = CheckReport([GOOD], [pair], [trend], ["alone.mp4"], [gate(True)])
    entry = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert list(entry) == [
        *("schema", "kinema", "clips", "pairs", "trends", "unpaired", "gates", "set", "vbench")
    ]
    assert entry["unpaired"] == ["alone.mp4"] and entry["gates"][0]["passed"] is True
    (compared,) = entry["pairs"]
    assert compared["verdict"] == "same" and compared["against"] == "ref/good.mp4"
    assert [change["change"] for change in compared["changes"]] == [0.1235, None]
    assert compared["changes"][0]["detectable"] == 0.4, "the threshold, above 2.8 errors"
    assert entry["trends"] == [
        {
            "failure": "noise",
            "score": "noise",
            "mean_change": 0.1111,
            "interval": [-0.5555, 0.7778],
            "p_value": 0.01235,
            "detectable": 0.2,
        }
    ]


def test_a_line_is_read_back_as_it_was_written():
    changes = [
        Change("noise", "noise", 0.5, 0.4, 0.3),
        Change("blur", "detail", np.nan, 1.2, np.nan),
    ]
    pair = Pair(
        "a.mp4", "b.mp4", Comparison("worse", ["noise"], changes, "in words"), {"ssim": None}
    )
    failure = Failure("noise", "architecture", [1, 2], 0.6, "noise", "Denoise.")
    scores = {"noise": Score(3.5, np.ones(3)), "strain": Score(np.nan, np.ones(3))}
    clip = ClipReport("a.mp4", 3, 8.0, (32, 48), scores, [failure], text="a ball", notes=["Odd."])
    clip.vbench = {"temporal_flickering": 0.5, "scene": None}
    line = Checked(clip, pair, [gate(False)]).as_json()
    again = Checked.from_json(json.loads(json.dumps(line, allow_nan=False)))
    assert again.as_json() == line
    assert again.clip.size == (32, 48) and again.pair.comparison.changes[0].value == 0.5
    alone = Checked(GOOD).as_json()
    assert Checked.from_json(alone).as_json() == alone
