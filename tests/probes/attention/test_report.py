import numpy as np

from kinema.probes.attention.probe import AttentionFindings, AttentionProbe, SubjectAttention
from kinema.probes.attention.report import best_head, lag_table, layer_table, report_of
from kinema.worlds import WorldClip


def findings():
    rng = np.random.default_rng(0)
    on_track = np.ones((6, 2, 3))
    on_track[:, 1, 2] = 5 + rng.normal(0, 0.1, 6)
    attention = SubjectAttention(np.full((2, 3, 4, 4, 2, 2), 1 / 16), np.zeros((4, 2), int))
    clip = WorldClip(np.zeros((4, 8, 8, 3), np.uint8), 4.0, "a ball", {})
    share = np.full((6, 2, 3), 0.75)
    lags = np.ones((6, 3))
    return AttentionFindings(
        AttentionProbe(), on_track, on_track, on_track, share, lags, [clip], [attention]
    )


def test_the_best_head_is_named_beside_its_layer():
    assert best_head(findings()) == (1, 2)
    rows = layer_table(findings())
    assert rows[2][-1].startswith("2: 5.")
    assert rows[1][4] == "1.00 +- 0.00"  # three quarters of four frames is what chance gives
    assert rows[-1][0] == "all"


def test_a_distance_that_no_pair_has_is_a_dash():
    found = findings()
    found.by_lag[:, 2] = np.nan
    assert lag_table(found) == [
        ["latent frames away", "1", "2", "3"],
        ["true track", "1.00 +- 0.00", "1.00 +- 0.00", "-"],
    ]


def test_the_page_says_what_its_figures_are_over(tmp_path):
    text = report_of(findings()).page(tmp_path / "maps.md")
    assert "`kinema probe attention --model tabletop --num-clips 32 --size 64 --noise 0.5" in text
    assert "t = 0.5" in text and "0.2500, the share of each token" in text  # of 2 x 2 tokens
    assert "Layer 1, head 2" in text and "(maps.png)" in text
