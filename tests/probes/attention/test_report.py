import numpy as np

from kinema.probes.attention.probe import AttentionProbe, Findings, Gaze
from kinema.probes.attention.report import best_head, layer_table, mean_of
from kinema.worlds import WorldClip


def findings():
    rng = np.random.default_rng(0)
    on_track = np.ones((6, 2, 3))
    on_track[:, 1, 2] = 5 + rng.normal(0, 0.1, 6)
    gaze = Gaze(np.full((2, 3, 4, 4, 2, 2), 1 / 16), np.zeros((4, 2), int))
    clip = WorldClip(np.zeros((4, 8, 8, 3), np.uint8), 4.0, "a ball", {})
    share = np.full((6, 2, 3), 0.75)
    lags = np.ones((6, 3))
    return Findings(AttentionProbe(), on_track, on_track, on_track, share, lags, [clip], [gaze])


def test_the_best_head_is_named_beside_its_layer():
    assert best_head(findings()) == (1, 2)
    rows = layer_table(findings())
    assert rows[2][-1].startswith("2: 5.")
    assert rows[1][4] == "1.00 +- 0.00"  # three quarters of four frames is what chance gives
    assert rows[-1][0] == "all"


def test_an_interval_is_1_96_standard_errors():
    assert mean_of(np.array([1.0, 3.0, np.nan])) == "2.00 +- 1.96"
    assert mean_of(np.array([1.0])) == "-"
