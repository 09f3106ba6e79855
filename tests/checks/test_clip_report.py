import json

import numpy as np

from kinema.checks.clip_report import ClipReport
from kinema.metrics.evidence import Score
from kinema.metrics.verdicts import Failure


def test_verdicts_and_quality():
    scores = {"noise": Score(3.0, np.full(4, 3.0))}
    failure = Failure("noise", "architecture", [1], 0.6, "noise", "")
    error, good = ClipReport("a", error="a is no video"), ClipReport("a", scores=scores)
    bad = ClipReport("a", scores=scores, failures=[failure])
    assert [report.verdict for report in (error, good, bad)] == ["error", "pass", "fail"]
    assert good.quality == 1 > bad.quality > error.quality == 0


def test_the_entry_is_json_and_names_the_error_only_if_there_is_one():
    scores = {"noise": Score(3.0, np.full(4, 3.0)), "strain": Score(np.nan, np.full(4, np.nan))}
    entry = json.loads(
        json.dumps(ClipReport("a", 4, 8.0, (6, 9), scores).as_json(), allow_nan=False)
    )
    assert entry["scores"] == {"noise": 3.0, "strain": None}
    assert entry["size"] == [6, 9]
    assert "error" not in entry
    assert ClipReport("a", error="broken").as_json()["error"] == "broken"
