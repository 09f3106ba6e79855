import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.metrics.decision import LOSS, TRUTHS, least_loss, probabilities

amounts = st.floats(0, 1e4)


@given(amounts, amounts)
def test_probabilities_are_some(worse, better):
    chances = probabilities(worse, better)
    assert set(chances) == set(TRUTHS)
    assert sum(chances.values()) == pytest.approx(1)
    assert min(chances.values()) >= 0


@given(st.floats(0, 100), st.floats(0, 100), amounts)
def test_more_evidence_of_worse_makes_worse_likelier(a, b, better):
    low, high = sorted((a, b))
    assert probabilities(low, better)["worse"] <= probabilities(high, better)["worse"]


def test_no_evidence_is_the_same_and_much_evidence_decides():
    assert least_loss(probabilities(0, 0)) == "same"
    assert least_loss(probabilities(5, 0)) == "worse"
    assert least_loss(probabilities(0, 20)) == "better"


@pytest.mark.parametrize("truth", TRUTHS)
def test_a_certain_truth_is_the_verdict(truth):
    assert least_loss({other: float(other == truth) for other in TRUTHS}) == truth


def test_to_call_a_spoiled_clip_better_is_the_worst_mistake():
    assert LOSS["better"]["worse"] == max(max(costs.values()) for costs in LOSS.values())
    # One chance in ten that it is spoiled is too much to call it better.
    assert least_loss({"worse": 0.1, "better": 0.9, "same": 0.0}) == "cannot tell"


def test_an_open_question_is_left_open():
    assert least_loss({"worse": 0.55, "better": 0.0, "same": 0.45}) == "cannot tell"
