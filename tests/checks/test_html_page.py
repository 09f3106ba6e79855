import base64

import numpy as np

from kinema.checks.clip_report import ClipReport
from kinema.checks.html_page import curve_svg, write_html
from kinema.checks.report import CheckReport, Pair
from kinema.metrics.comparison import Change, Comparison, Trend
from kinema.metrics.evidence import Score
from kinema.metrics.verdicts import Failure


def test_a_curve_has_gaps_where_it_is_not_defined():
    svg = curve_svg("noise", Score(1.0, np.array([np.nan, 1, 2, np.nan, 3])), limit=2.5)
    assert svg.count("M4 ") == 1  # the threshold's line
    path = svg.rsplit("<path d='", 1)[1]
    assert path.count("M") == 2
    assert path.count("L") == 1


def test_a_curve_that_is_nowhere_defined_is_left_out():
    assert curve_svg("noise", Score(0.0, np.full(3, np.nan)), None) == ""


def test_a_long_curve_keeps_its_peak():
    curve = np.zeros(100_000)
    curve[77_777] = 5
    svg = curve_svg("jump", Score(5.0, curve), None)
    assert len(svg) < 20_000
    heights = [
        float(step.split()[1])
        for step in svg.split("<path d='")[1].split("'")[0][1:].split("L")
        if " " in step
    ]
    assert min(heights) < 30 < max(heights)


def test_names_are_escaped_and_errors_shown():
    scores = {name: Score(0.1, np.full(4, 0.1)) for name in ("motion", "flicker", "noise", "shake")}
    failure = Failure("noise", "architecture", [1], 0.7, "noise", "Denoise <more>.")
    good = ClipReport("<b>.mp4", 4, 8.0, (64, 64), scores, [failure])
    page = write_html(CheckReport([good, ClipReport("bad.mp4", error="bad.mp4 is no video")]))
    assert "&lt;b&gt;.mp4" in page
    assert "<b>.mp4" not in page
    assert "Denoise &lt;more&gt;." in page
    assert "bad.mp4 is no video" in page


def compared(verdict, reasons, failures):
    changes = [
        Change("noise", "noise", -1.2, 0.4, 0.01, 3.0, 0.5),
        Change("blur", "detail", 0.1, 1.2, 0.01),
    ]
    names = ("motion", "flicker", "noise", "shake")
    scores = {name: Score(0.1, np.full(4, 0.1)) for name in names}
    clip = ClipReport("new/a.mp4", 4, 8.0, (64, 64), scores, failures, strip=b"own")
    comparison = Comparison(verdict, reasons, changes, "in words")
    pair = Pair("new/a.mp4", "old/a.mp4", comparison, {"psnr": 31.25, "lpips": None}, b"ref")
    return CheckReport([clip], [pair])


def test_a_clip_has_one_verdict_on_the_page():
    failure = Failure("noise", "architecture", [1], 0.7, "noise", "Denoise.")
    page = write_html(compared("better", ["noise"], [failure]))
    assert page.count("<span class=fail>fail: noise; better than its reference</span>") == 2
    assert "class=pass" not in page and "class=better" not in page
    page = write_html(compared("better", ["noise"], []))
    assert page.count("<span class=pass>pass; better than its reference</span>") == 2
    page = write_html(compared("worse", ["noise"], []))
    assert page.count("<span class=fail>pass; worse than its reference</span>") == 2


def test_the_table_of_pairs_says_why_and_shows_both():
    table = write_html(compared("better", ["noise"], [])).split("<h2>Compared</h2>")[1]
    table = table.split("<h2>")[0]
    assert "<p>psnr 31.25</p>" in write_html(compared("same", [], []))
    assert "noise (noise from 3 to 0.5, 3.0 times what counts)" in table
    assert [base64.b64encode(picture).decode() in table for picture in (b"own", b"ref")] == [
        True
    ] * 2


def test_the_worst_pairs_come_first_and_what_shows_nothing_is_folded():
    good, bad = compared("same", [], []), compared("worse", ["noise"], [])
    bad.clips[0].file = bad.pairs[0].file = "new/b.mp4"
    report = CheckReport(good.clips + bad.clips, good.pairs + bad.pairs)
    report.trends = [
        Trend("blur", "detail", 0.0, (-0.1, 0.1), 1.0, 0.2),
        Trend("noise", "noise", 0.5, (0.4, 0.6), 0.01, 0.2),
    ]
    page = write_html(report)
    assert page.index("new/b.mp4") < page.index("new/a.mp4")
    assert page.index("<td>noise<td>+0.500") < page.index("<details><summary>1 scores that do not")
    assert page.index("<summary>1 scores") < page.index("<td>detail<td>+0.000")
