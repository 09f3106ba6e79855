import cv2
import numpy as np
import pytest

from kinema.metrics.comparison import (
    Change,
    Comparison,
    compare,
    compare_score,
    compare_sets,
    fingerprint,
    holm,
    show_the_same,
)
from kinema.metrics.evidence import Score, observe
from kinema.metrics.verdicts import FAULTS, Rule, diagnose


def noisy(frames, sigma=8):
    noise = sigma * np.random.default_rng(0).standard_normal(frames.shape)
    return (frames + noise).clip(0, 255).astype(np.uint8)


def blurred(frames, sigma=1.5):
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])


@pytest.fixture
def verdict(measured):
    def verdict(a, b):
        comparison = compare(measured(a), measured(b))
        return comparison.verdict, comparison.reasons

    return verdict


def test_a_clip_is_the_same_as_itself(pan, verdict):
    assert verdict(pan, pan) == ("same", [])


def test_noise_is_worse_and_its_absence_better(pan, verdict):
    worse, reasons = verdict(noisy(pan), pan)
    assert worse == "worse"
    assert "noise" in reasons
    assert verdict(pan, noisy(pan))[0] == "better"


@pytest.mark.parametrize("spoil", ["frozen", "blurred", "looping"])
def test_hollow_clips_never_win(pan, still, verdict, spoil):
    hollow = {
        "frozen": still,
        "blurred": blurred(pan),
        "looping": pan[np.arange(16) % 5],
    }[spoil]
    assert verdict(hollow, pan)[0] == "worse"
    assert verdict(pan, hollow)[0] == "better"
    assert verdict(hollow, noisy(pan))[0] != "better"


def test_other_content_is_compared_by_failures_only(pan, make_pan, measured):
    other = noisy(make_pan(pixels=2, seed=9), 14)
    failures = (diagnose(measured(other)), diagnose(measured(pan)))
    comparison = compare(measured(other), measured(pan), failures, alike=False)
    assert comparison.verdict == "worse"
    assert comparison.reasons == ["noise"]
    same = compare(measured(make_pan(seed=9)), measured(pan), ([], []), alike=False)
    assert same.verdict == "cannot tell"


def test_what_shows_the_same_thing(pan, make_pan, still):
    assert show_the_same(observe(noisy(pan)), observe(pan))
    assert show_the_same(observe(pan[::-1]), observe(pan))
    assert show_the_same(fingerprint(observe(still)), fingerprint(observe(pan)))
    assert not show_the_same(observe(make_pan(seed=9)), observe(pan))


def pairs_with(values):
    return [Comparison("same", [], [Change("noise", "noise", v, 0.5, 0.1)], "") for v in values]


def test_a_trend_over_pairs():
    rng = np.random.default_rng(0)
    (up,) = compare_sets(pairs_with(0.4 + 0.2 * rng.standard_normal(20)))
    assert up.p_value < 0.01
    assert 0.2 < up.interval[0] < up.mean < up.interval[1] < 0.6
    (none,) = compare_sets(pairs_with(0.2 * rng.standard_normal(20)))
    assert none.p_value > 0.05
    assert none.detectable == pytest.approx(2.8 * 0.2 / np.sqrt(20), rel=0.5)


def test_the_sign_flip_test_is_exact_for_few_pairs():
    (trend,) = compare_sets(pairs_with([1.0] * 6))
    assert trend.p_value == 2 / 64


def test_few_pairs_are_no_trend():
    assert compare_sets(pairs_with([1.0] * 4)) == []
    assert compare_sets(pairs_with([1.0] * 4 + [np.nan])) == []


def test_what_cannot_be_told_is_neither_worse_nor_better(pan, measured):
    scores = measured(pan)
    untold = scores | {"strain": Score(np.nan, np.full(len(pan), np.nan))}
    for one, other in ((scores, untold), (untold, scores), (untold, untold)):
        comparison = compare(one, other)
        assert comparison.verdict == "same"
        assert [c.metric for c in comparison.changes if np.isnan(c.value)] == ["strain"]
    (trend,) = compare_sets(pairs_with([1.0] * 6 + [np.nan]))
    assert trend.p_value == 2 / 64


def test_the_smallest_change_that_could_have_been_seen():
    assert Change("noise", "noise", 0.1, 0.5, 0.01).detectable == 0.5
    assert Change("noise", "noise", 0.1, 0.5, 1.0).detectable == 2.8
    assert Change("noise", "noise", 0.7, 0.5, 1.0).direction == 0
    assert Change("noise", "noise", -0.7, 0.5, float("nan")).direction == -1


@pytest.mark.parametrize(("error", "direction"), [(0.01, 1), (0.5, 0)])
def test_a_score_that_knows_its_error_is_believed_no_further(error, direction):
    curve = np.full(8, np.nan)
    rule = FAULTS["collapse"].rules[0]
    change = compare_score("collapse", rule, Score(0.4, curve, error), Score(0.1, curve, 0.01))
    assert change.value == pytest.approx(np.log2(0.5 / 0.2))
    assert change.direction == direction


def test_errors_of_ratios_are_relative_and_of_differences_absolute():
    a, b = Score(0.9, np.empty(0), 0.1), Score(0.4, np.empty(0), 0.05)
    ratio, difference = (Rule("strain", None, 0.3, floor) for floor in (0.1, None))
    assert ratio.error(a, b) == pytest.approx(np.hypot(0.1 / 1.0, 0.05 / 0.5) / np.log(2))
    assert difference.error(a, b) == pytest.approx(np.hypot(0.1, 0.05))
    assert np.isnan(ratio.error(a, Score(0.4, np.empty(0))))


def test_p_values_of_many_tests_are_corrected_together():
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([0.6, 0.7]) == pytest.approx([1, 1]) and holm([]) == []


def test_the_trends_of_several_scores_are_corrected_together():
    changes = [Change(name, name, 1.0, 0.5, 0.1) for name in ("noise", "flicker")]
    trends = compare_sets([Comparison("same", [], changes, "")] * 6)
    assert [trend.p_value for trend in trends] == pytest.approx([4 / 64] * 2)
