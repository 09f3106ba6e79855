import numpy as np

from kinema.metrics.evidence import Score
from kinema.metrics.vector import CONSISTENCY, METRICS, WORST, measure


def test_every_score_is_finite_and_has_a_curve_over_the_frames(pan, still):
    for frames in (pan, still, pan[:1], pan[:2], pan[:5], np.zeros((6, 16, 20, 3), np.uint8)):
        scores = measure(frames)
        assert scores.keys() == METRICS.keys()
        for name, score in scores.items():
            assert isinstance(score, Score)
            assert np.isfinite(score) or name in CONSISTENCY["geometry"], name
            assert score.curve.shape == (len(frames),), name


def test_one_vector_a_clip(pan):
    first, second = measure(pan), measure(pan.copy())
    assert {n: float(s) for n, s in first.items()} == {n: float(s) for n, s in second.items()}


def test_the_worst_are_metrics():
    assert METRICS.keys() >= WORST
