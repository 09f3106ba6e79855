import pytest

from kinema.clips import Clip, write
from kinema.errors import UserError
from studies.ruler import verdicts
from studies.ruler.trials import TRIALS
from studies.ruler.verdicts import CLEAN, Record, Verdicts, examine, report_of, rows_of

FEW = ("frozen", "noise", "x264 crf 23", "dark gain flicker 8 %")


def found(verdict: str, reasons: list[str], failures: list[str]) -> dict[str, Record]:
    """Say one thing of a fault, "same" of a harmless change, and nothing of the clip itself."""
    return {
        CLEAN: Record("", [], []),
        "noise": Record(verdict, reasons, failures),
        "x264 crf 23": Record("same", [], []),
    }


CLIPS = [
    found("worse", ["noise"], ["noise"]),
    found("worse", ["blur"], []),
    found("better", ["frozen"], []),
    found("cannot tell", [], ["noise"]),
]


def test_a_row_counts_what_was_read():
    header, noise, harmless = rows_of(CLIPS, {"noise": ["noise"], "harmless": ["x264 crf 23"]})
    cells = dict(zip(header[1:], (cell.split()[0] for cell in noise[1:]), strict=True))
    assert cells == {"n": "4", "worse": "50", "better": "25", "cannot tell": "25", "same": "0",
                     "right name": "25", "alone": "50"}  # fmt: skip
    assert harmless[1] == "4" and harmless[5].startswith("100 (") and harmless[6:] == ["-", "-"]


def test_clips_that_fail_before_anything_is_done_to_them_are_told(tmp_path):
    CLIPS[0][CLEAN].failures.append("cut")
    page = report_of(Verdicts(("a.mp4",)), CLIPS).page(tmp_path / "verdicts.md")
    assert "1 of 4 clips fail by themselves" in page and "cut 1" in page


def test_a_pan_is_judged_as_the_command_judges_it(pan, tmp_path, monkeypatch):
    write(Clip(pan(12, size=64), fps=12.0), path := tmp_path / "pan.mp4")
    monkeypatch.setattr(verdicts, "TRIALS", {name: TRIALS[name] for name in FEW})
    told = examine(path, size=64, seed=0)
    assert list(told) == [CLEAN, *FEW]
    assert told["frozen"].verdict == told["noise"].verdict == "worse"
    assert "frozen" in told["frozen"].failures and "noise" in told["noise"].reasons
    assert told["x264 crf 23"].verdict in ("same", "cannot tell")
    assert told["dark gain flicker 8 %"].verdict == "worse"


def test_no_clips_is_one_sentence():
    with pytest.raises(UserError, match="needs clips"):
        verdicts.run(Verdicts())
