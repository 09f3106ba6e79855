import numpy as np
import pytest

from kinema.metrics.decision import TRUTHS
from studies.ruler.calibration import fit_lines, reliability


def test_the_lines_that_made_the_pairs_are_found_again():
    rng = np.random.default_rng(0)
    lines = np.array([[0.5, 2.0], [-1.0, 1.5]])
    logs = rng.uniform(-3, 3, (6000, 2))
    logits = np.concatenate([lines[:, 0] + lines[:, 1] * logs, np.zeros((6000, 1))], 1)
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truths = [TRUTHS[rng.choice(3, p=row)] for row in chances]
    found = fit_lines([(t, *(2**row)) for t, row in zip(truths, logs, strict=True)])
    assert found["worse"][1] == pytest.approx(2.0, abs=0.25)
    assert found["better"][1] == pytest.approx(1.5, abs=0.25)


def test_reliability_counts_what_came_true():
    assert reliability([0.9, 0.9, 0.97], [True, False, True]) == [
        (pytest.approx(0.9), 0.5, 2),
        (pytest.approx(0.97), 1.0, 1),
    ]
