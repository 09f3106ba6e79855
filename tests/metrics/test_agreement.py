import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.metrics.agreement import agreement, kendall_tau

RANKS = st.lists(st.integers(0, 4), min_size=2, max_size=9)


@given(RANKS, st.randoms())
def test_tau_is_the_definition(a, random):
    b = [random.randint(0, 4) for _ in a]
    concordant = discordant = ties_a = ties_b = 0
    for i in range(len(a)):
        for j in range(i):
            product = (a[i] - a[j]) * (b[i] - b[j])
            concordant += product > 0
            discordant += product < 0
            ties_a += a[i] == a[j]
            ties_b += b[i] == b[j]
    pairs = len(a) * (len(a) - 1) / 2
    below = np.sqrt((pairs - ties_a) * (pairs - ties_b))
    found = kendall_tau(np.array(a), np.array(b))
    assert (
        np.isnan(found) if below == 0 else found == pytest.approx((concordant - discordant) / below)
    )


def test_perfect_and_reversed_agreement():
    people = np.linspace(-1, 1, 20)
    same, reverse = agreement(people, people), agreement(people, -people)
    assert (same.tau, reverse.tau) == (1, -1)
    assert same.interval == (1, 1)
    assert (
        sum(one.right for one in same.accuracies) == sum(one.total for one in same.accuracies) > 0
    )
    assert sum(one.right for one in reverse.accuracies) == 0


def test_accuracy_by_confidence_counts_only_what_both_decide():
    people = np.array([1.0, 1.0, -1.0, 0.0, 0.4, -0.2])
    verdicts = np.array([0.97, -0.6, -0.85, 0.9, 0.0, 0.55])
    found = agreement(people, verdicts)
    assert [(one.confidence, one.right, one.total) for one in found.accuracies] == [
        (0.5, 0, 2), (0.8, 1, 1), (0.95, 1, 1),
    ]  # fmt: skip
    assert found.undecided == 2
    assert found.interval[0] <= found.tau <= found.interval[1]


def test_a_verdict_that_never_decides_has_no_tau():
    found = agreement(np.array([1.0, -1.0, 0.5]), np.zeros(3))
    assert np.isnan(found.tau) and np.isnan(found.interval[0])
    assert [one.interval for one in found.accuracies] == [(0, 1)] * 3
