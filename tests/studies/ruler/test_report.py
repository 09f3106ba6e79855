import numpy as np

from kinema.metrics.vector import METRICS
from kinema.metrics.verdicts import FAULTS
from studies.ruler.corruptions import CORRUPTIONS
from studies.ruler.page import heat_map, write_page
from studies.ruler.probe import Summary


def summary_of(shares):
    rates = dict.fromkeys(CORRUPTIONS, (0.5, 1.0))
    return Summary(
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
    write_page(summary_of(shares), tmp_path / "metrics.md")
    text = (tmp_path / "metrics.md").read_text()
    assert all(f"| {name} |" in text for name in CORRUPTIONS)
    assert "| 50 / 100 | 19 to 81 |" in text
    assert "crf 18: 25 % (" in text
    assert (tmp_path / "metrics.png").read_bytes().startswith(b"\x89PNG")


def test_a_metric_is_blind_to_what_does_not_move_it(tmp_path):
    shares = np.ones((len(CORRUPTIONS), len(METRICS)))
    shares[list(CORRUPTIONS).index("cut"), list(METRICS).index("noise")] = 0.5
    write_page(summary_of(shares), tmp_path / "metrics.md")
    assert "- noise: cut\n" in (tmp_path / "metrics.md").read_text()


def test_heat_map_colours():
    shares = np.full((len(CORRUPTIONS), len(METRICS)), 0.5)
    shares[0, 0] = 1
    image = heat_map(shares)
    assert (image[140, 180] == (255, 0, 0)).all()
    assert (image[140, 206] == 255).all()
