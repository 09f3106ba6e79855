import json

import pytest

from kinema.checks.agreement import agreement_lines, agreement_with, signed_confidence
from kinema.checks.votes import Vote
from kinema.errors import UserError


def pair(name, verdict, change, reasons=("noise",)):
    changes = [
        {"failure": "noise", "score": "noise", "change": change, "threshold": 0.5},
        {"failure": "blur", "score": "detail", "change": 50.0, "threshold": 1.0},
        {"failure": "noise", "score": "flicker", "change": None, "threshold": 1.0},
    ]
    return {"file": f"new/{name}.mp4", "against": f"old/{name}.mkv", "verdict": verdict,
            "probability": None, "reasons": list(reasons), "changes": changes}  # fmt: skip


def write(folder, *pairs):
    (folder / "report.json").write_text(json.dumps({"pairs": pairs}))
    return folder / "report.json"


def test_confidence_is_that_of_the_change_that_decided():
    assert signed_confidence(pair("a", "worse", 1.0)) == -0.8
    assert signed_confidence(pair("a", "better", -1.0)) == 0.8
    assert signed_confidence(pair("a", "cannot tell", 1.0)) == 0
    assert signed_confidence(pair("a", "worse", 1.0) | {"probability": 0.97}) == -0.97
    assert signed_confidence(pair("a", "better", None, reasons=("cut",))) == 0.5


def test_votes_and_verdicts_of_the_same_clips_are_compared(tmp_path):
    report = write(tmp_path, pair("a", "better", -2.0), pair("b", "worse", 1.0),
                   pair("c", "same", 0.0), pair("unseen", "worse", 9.0))  # fmt: skip
    votes = [
        Vote(0, "new", "old", "a", 1.0), Vote(0, "new", "old", "a", 0.5),
        Vote(1, "old", "new", "b", 0.0),  # people prefer the new one, and the verdict says worse
        Vote(2, "old", "new", "c", 0.5), Vote(3, "old", "new", "d", 1.0),
    ]  # fmt: skip
    found = agreement_with(votes, report)
    assert (found.num_trials, found.undecided) == (3, 1)
    assert {one.confidence: (one.right, one.total) for one in found.accuracies} == {
        0.5: (0, 0), 0.8: (1, 2), 0.95: (0, 0),
    }  # fmt: skip
    first, *rest = agreement_lines(found)
    assert "over 3 pairs" in first and len(rest) == 3


def test_mistakes_are_one_sentence(tmp_path):
    with pytest.raises(UserError, match="no pair of clips that was voted on"):
        agreement_with([Vote(0, "new", "old", "z", 1.0)], write(tmp_path, pair("a", "worse", 1.0)))
    for content in ("{}", '{"pairs": 3}', '{"pairs": [{"file": "a"}]}', '{"pairs": [1]}'):
        (tmp_path / "report.json").write_text(content)
        with pytest.raises(UserError, match="not the JSON of kinema check"):
            agreement_with([Vote(0, "new", "old", "a", 1.0)], tmp_path / "report.json")
