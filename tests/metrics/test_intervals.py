import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import UserError
from kinema.metrics.intervals import mean_interval, wilson_interval


@pytest.mark.parametrize(
    "successes, trials, low, high",
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634)],
)
def test_published_values(successes, trials, low, high):
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_bounds_solve_the_score_equation(case):
    successes, trials = case
    p = successes / trials
    for bound in wilson_interval(successes, trials):
        assert 0 <= bound <= 1
        # |p - bound| is 1.96 standard errors of a proportion that equals the bound.
        assert (p - bound) ** 2 == pytest.approx(1.96**2 * bound * (1 - bound) / trials, abs=1e-9)


@pytest.mark.parametrize("case", [(0, 0), (3, 2), (-1, 2)])
def test_impossible_counts_are_refused(case):
    with pytest.raises(UserError):
        wilson_interval(*case)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30))
def test_the_interval_of_a_mean_holds_it(values):
    low, high = mean_interval(values)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert mean_interval([*values, np.nan]) == (low, high)


def test_the_interval_of_a_mean_has_the_known_width():
    values = np.random.default_rng(0).normal(5.0, 2.0, 400)
    low, high = mean_interval(values)
    standard_error = values.std() / 20
    assert low == pytest.approx(values.mean() - 1.96 * standard_error, abs=0.05)
    assert high == pytest.approx(values.mean() + 1.96 * standard_error, abs=0.05)
