from dataclasses import replace

import numpy as np
import pytest

from kinema.checks.clip_report import ClipReport
from kinema.checks.report import Checked, CheckReport, Pair
from kinema.checks.sets import SetRow
from kinema.checks.terminal import because, lines_of, print_ending, spans, telling
from kinema.metrics.comparison import Change, Comparison


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([], ""),
        ([4], "4"),
        ([1, 2, 3, 7], "1-3, 7"),
        (list(range(0, 20, 2)), "0, 2, 4, 6, 8, 10, ..."),
    ],
)
def test_frames_as_ranges(frames, words):
    assert spans(frames) == words


def test_the_change_that_counts_most_is_told():
    changes = [
        Change("blur", "detail", 1.5, 1.2, 0.1),
        Change("blur", "crispness", -3.3, 1.1, 0.1, -2.0, 1.25),
        Change("blur", "blur_growth", np.nan, 0.9, 0.1),
    ]
    pair = Pair("a.mp4", "b.mp4", Comparison("better", ["blur", "cut"], changes, ""))
    assert because(pair) == ("blur (crispness from -2 to 1.25, 3.0 times what counts), cut")
    told = Pair("a.mp4", "b.mp4", replace(pair.comparison, sentence="Worse: blur."))
    assert because(told) == "Worse: blur."
    nothing = Pair("a.mp4", "b.mp4", Comparison("same", [], changes, ""))
    assert because(nothing) == "no score changes by what counts"


def test_each_file_is_told_at_once(capsys):
    with telling(2, silent=False) as tell:
        tell(Checked(ClipReport("a.mp4", error="a.mp4 holds no frames.")))
        assert capsys.readouterr().out == "a.mp4: not checked: a.mp4 holds no frames.\n"
    with telling(2, silent=True) as tell:
        assert tell is None


def test_notes_stand_below_the_headline():
    clip = ClipReport("a.mp4", error="Broken.", notes=["It holds 2 video streams."])
    assert list(lines_of(Checked(clip)))[1] == "    It holds 2 video streams."


def test_files_without_a_counterpart_are_one_line(capsys):
    print_ending(CheckReport([], unpaired=[f"{k}.mp4" for k in range(40)]))
    (line,) = capsys.readouterr().out.splitlines()
    assert "0.mp4, 1.mp4" in line and line.endswith("11.mp4 and 28 more")


def test_the_table_of_a_set_is_printed_beside_real_clips(capsys):
    row = SetRow("noise", 1.5, (1.25, 1.75), 3, None)
    print_ending(CheckReport([], rows=[row]))
    assert capsys.readouterr().out == ""
    print_ending(CheckReport([], rows=[replace(row, floor=0.5)]))
    assert "1.5 (1.25 to 1.75), 0.5" in capsys.readouterr().out


def test_vbench_has_a_total_or_says_what_is_missing(capsys):
    dimensions = {"color": {"value": 0.5, "source": "results", "n": 0}}
    whole = {"dimensions": dimensions, "quality": 0.5, "semantic": 0.25, "total": 0.45}
    print_ending(CheckReport([], vbench=whole))
    assert capsys.readouterr().out == "VBench: quality 0.5, semantic 0.25, total 0.45\n"
    dimensions["scene"] = {"value": None, "source": "none", "n": 0}
    print_ending(CheckReport([], vbench=whole | dict.fromkeys(("quality", "semantic", "total"))))
    assert capsys.readouterr().out == "VBench has no total without its own values of scene\n"
