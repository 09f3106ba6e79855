import numpy as np
import pytest

from kinema.metrics import wilson_interval
from kinema.metrics.intervals import mean_interval
from kinema.reports.words import between, mean, plus_minus, share

NAN, INF = float("nan"), float("inf")


def test_a_mean_has_the_interval_of_what_is_known():
    figures = [1.0, 2.0, 4.0, NAN, INF]
    low, high = mean_interval([1.0, 2.0, 4.0])
    assert mean(figures) == f"2.33 ({low:.2f} to {high:.2f})"
    assert mean(figures, ".0f", scale=100) == f"233 ({100 * low:.0f} to {100 * high:.0f})"
    assert mean([NAN]) == mean([]) == "-"
    assert between(1.0, -0.5, 2.0, ".1f") == "1.0 (-0.5 to 2.0)"


def test_more_resamples_are_drawn_if_asked():
    figures = np.random.default_rng(0).normal(size=9)
    low, high = mean_interval(figures, 50)
    assert mean(figures, ".6f", num_resamples=50).endswith(f"({low:.6f} to {high:.6f})")


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ([29.0, 31.0], "30.00 +- 1.96"),  # 1.96 times a standard error of 1
        ([1.0, 3.0, NAN], "2.00 +- 1.96"),
        ([30.0], "30.00"),
        ([INF, INF], "inf"),
        ([NAN, NAN], "-"),
        ([], "-"),
    ],
)
def test_a_mean_with_its_standard_errors(figures, words):
    assert plus_minus(figures) == words


def test_a_share_has_wilsons_interval():
    low, high = wilson_interval(3, 4)
    assert share(3, 4) == f"75 ({100 * low:.0f}-{100 * high:.0f})"
    assert share(1, 3, digits=1, unit=" %").startswith("33.3 % (")
    assert share(0, 0) == "-"
