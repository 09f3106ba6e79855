import numpy as np
import pytest

from kinema.probes.prompts.consistency import mean, measure, ratio


def errors(*values):
    return [{"warping error": value} for value in values]


def test_ratio_of_known_errors():
    found = ratio(errors(2, 2, 2), errors(1, 1, 1), errors(5, 5, 5))
    assert found.value == pytest.approx(0.25)
    assert found.interval == pytest.approx((0.25, 0.25))


def test_ratio_is_of_means_and_its_interval_holds_it():
    found = ratio(errors(1, 4), errors(1, 1), errors(5, 7))
    assert found.value == pytest.approx(1.5 / 5)
    assert found.interval[0] <= found.value <= found.interval[1]
    assert found.interval[0] < found.interval[1]


def test_a_frozen_clip_is_consistent_and_does_not_move():
    frame = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    figures = measure(np.repeat(frame, 3, axis=0))
    assert figures["warping error"] == pytest.approx(0, abs=1e-2)
    assert figures["plain difference"] == 0
    assert figures["motion"] == pytest.approx(0, abs=1e-2)


def test_mean_is_taken_figure_by_figure():
    assert mean([{"a": 1.0, "b": 4.0}, {"a": 3.0, "b": 0.0}]) == {"a": 2.0, "b": 2.0}
