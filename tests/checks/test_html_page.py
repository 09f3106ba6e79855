import numpy as np

from kinema.checks.check import CheckReport
from kinema.checks.clip_report import ClipReport
from kinema.checks.html_page import curve_svg, write_html
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
