import numpy as np
import pytest

from kinema.errors import UserError
from kinema.metrics.preference import bradley_terry


def votes_of(strengths, count, seed=0):
    rng = np.random.default_rng(seed)
    names = list(strengths)
    votes = []
    for _ in range(count):
        a, b = rng.permutation(names)[:2]
        chance = 1 / (1 + np.exp(strengths[b] - strengths[a]))
        votes.append((str(a), str(b), float(rng.random() < chance)))
    return votes


def test_known_strengths_come_back():
    truth = {"a": 1.0, "b": 0.0, "c": -1.0}
    fitted = bradley_terry(votes_of(truth, 3000), num_resamples=20)
    assert [s.name for s in fitted] == ["a", "b", "c"]
    np.testing.assert_allclose([s.value for s in fitted], [1, 0, -1], atol=0.15)


def test_intervals_hold_the_truth_and_narrow_with_votes():
    truth = {"a": 0.5, "b": -0.5}
    few, many = (bradley_terry(votes_of(truth, n), num_resamples=100)[0] for n in (40, 800))
    assert many.interval[0] < 0.5 < many.interval[1]
    assert np.diff(many.interval) < 0.5 * np.diff(few.interval)


def test_two_systems_have_a_closed_form():
    votes = [("a", "b", 1.0)] * 30 + [("a", "b", 0.0)] * 10
    best = bradley_terry(votes, num_resamples=5)[0]
    # 73 % to 27 % with the imaginary games; log of the ratio is shared between the two.
    assert best.value == pytest.approx(0.5 * np.log(30 / 10), abs=0.05)


def test_ties_are_equal_and_a_clean_sweep_is_finite():
    assert bradley_terry([("a", "b", 0.5)] * 9, num_resamples=5)[0].value == pytest.approx(0)
    assert np.isfinite(bradley_terry([("a", "b", 1.0)] * 9, num_resamples=5)[0].value)


@pytest.mark.parametrize("votes", [[], [("a", "a", 1.0)], [("a", "b", 2.0)]])
def test_what_is_no_vote_is_refused(votes):
    with pytest.raises(UserError):
        bradley_terry(votes)


def test_votes_on_few_pairs_of_clips_tell_less_than_as_many_on_many():
    votes = [("a", "b", float(i % 5 > 1)) for i in range(100)]  # all voters agree on each of five
    many, few = (
        bradley_terry(votes, trials, num_resamples=200)[0]
        for trials in (None, [i % 5 for i in range(100)])
    )
    assert few.value == many.value and np.diff(few.interval) > 1.2 * np.diff(many.interval)


def test_unanimous_votes_have_an_interval_too():
    once, often = (
        bradley_terry([("a", "b", 1.0)] * count, num_resamples=200)[0] for count in (1, 8)
    )
    assert once.interval[0] < 0 < often.interval[0] and np.diff(often.interval) > 0.5
