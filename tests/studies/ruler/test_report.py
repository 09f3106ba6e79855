import numpy as np

from kinema.metrics.vector import METRICS
from kinema.metrics.verdicts import FAULTS
from studies.ruler.corruptions import CORRUPTIONS
from studies.ruler.report import heat_map, report_of
from studies.ruler.summary import RulerFindings


def summary_of(shares):
    rates = dict.fromkeys(CORRUPTIONS, (0.5, 1.0))
    return RulerFindings(
        12,
        6,
        2,
        shares,
        shares,
        np.full_like(shares, np.nan),
        rates,
        rates,
        0.0,
        {18: 0.25},
        FAULTS,
    )


def test_the_page_and_the_heat_map(tmp_path):
    shares = np.full((len(CORRUPTIONS), len(METRICS)), 0.5)
    page, picture = report_of(summary_of(shares), {"seed": 3}).write(tmp_path / "metrics.md")
    text = page.read_text()
    assert "`python -m studies.ruler --seed 3 --report metrics.md`" in text
    assert all(f"| {name} |" in text for name in CORRUPTIONS)
    assert "| 50 / 100 | 19-81 |" in text
    assert "crf 18: 25 % (" in text
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_metric_is_blind_to_what_does_not_move_it(tmp_path):
    shares = np.ones((len(CORRUPTIONS), len(METRICS)))
    shares[list(CORRUPTIONS).index("cut"), list(METRICS).index("noise")] = 0.5
    text = report_of(summary_of(shares), {}).page(tmp_path / "metrics.md")
    assert "| noise | cut |\n" in text


def test_heat_map_colors():
    shares = np.full((len(CORRUPTIONS), len(METRICS)), 0.5)
    shares[0, 0] = 1
    image = heat_map(shares)
    assert (image[140, 180] == (255, 0, 0)).all()
    assert (image[140, 206] == 255).all()
