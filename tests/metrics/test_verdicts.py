import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.metrics.evidence import Score, observe
from kinema.metrics.vector import METRICS
from kinema.metrics.verdicts import (
    EXPLAINS,
    FAULTS,
    Rule,
    confidence,
    diagnose,
    quality,
    worst_burst,
)

FAILURE_NAMES = {
    *("flicker", "swimming", "jitter", "shuffle", "teleport", "cut", "drift", "collapse"),
    *("blur", "stutter", "frozen", "noise"),
}


def constant(value, length=8):
    return Score(value, np.full(length, value))


@pytest.fixture
def names(measured):
    return lambda frames: {failure.name for failure in diagnose(measured(frames))}


def test_the_faults_are_the_documented_ones_and_name_metrics():
    assert FAULTS.keys() == FAILURE_NAMES
    assert {rule.metric for fault in FAULTS.values() for rule in fault.rules} <= METRICS.keys()
    assert all(name in FAULTS and set(others) <= FAULTS.keys() for name, others in EXPLAINS.items())


def test_a_steady_pan_has_no_failure(pan, measured):
    assert diagnose(measured(pan)) == []


def test_a_frozen_clip_fails_by_name_everywhere(still, measured):
    (failure,) = diagnose(measured(still))
    assert (failure.name, failure.frames) == ("frozen", list(range(16)))


def test_common_faults_are_named(pan, make_pan, names):
    rng = np.random.default_rng(0)
    gains = 1 + 0.08 * (np.arange(16) % 2)[:, None, None, None]
    assert names((pan * gains * 0.8).astype(np.uint8)) == {"flicker"}
    assert "shuffle" in names(pan[rng.permutation(16)])
    assert "stutter" in names(make_pan(num_frames=18)[np.maximum(0, np.arange(18) // 3 * 3)])
    assert "frozen" in names(make_pan(pixels=2)[np.arange(16) % 5])
    noise = 12 * rng.standard_normal(pan.shape)
    assert "noise" in names((pan + noise).clip(0, 255).astype(np.uint8))


def test_a_cut_is_at_its_frame(make_pan, measured):
    frames = np.concatenate([make_pan(), (255 - make_pan(seed=5))[..., ::-1] // 2])
    (failure,) = diagnose(measured(frames))
    assert (failure.name, failure.frames, failure.rung) == ("cut", [16], "footage")


def test_confidence_is_a_half_at_the_threshold():
    assert confidence(1) == 0.5
    assert confidence(2) == 0.8


def test_failures_are_sorted_and_explained_ones_left_out():
    scores = {"disorder": constant(0.8), "shake": constant(0.4), "blur_growth": constant(5.0)}
    found = diagnose(scores)
    assert [failure.name for failure in found] == ["blur", "shuffle"]


def test_a_surer_failure_is_never_left_out_but_by_frozen():
    scores = {"disorder": constant(0.5), "shake": constant(2.8), "gain_flicker": constant(3.0)}
    assert {failure.name for failure in diagnose(scores)} == {"jitter", "shuffle"}
    scores["still_share"] = constant(1.0)
    assert [failure.name for failure in diagnose(scores)] == ["frozen"]


@pytest.mark.parametrize("length", [24, 64, 4000])
def test_a_burst_fails_however_long_the_clip_is(length):
    curve = np.full(length, 0.2)
    curve[10:16] = 7.0
    (failure,) = diagnose({"noise": Score(0.3, curve)})
    assert (failure.name, failure.frames) == ("noise", [*range(10, 16)])
    curve[12:16] = 0.2
    assert not diagnose({"noise": Score(0.3, curve)})


@given(values=st.lists(st.floats(0, 9) | st.just(np.nan), max_size=20))
def test_the_worst_burst_is_six_frames_in_a_row(values):
    curve = np.array(values)
    runs = [curve[t : t + 6] for t in range(len(curve) - 5)]
    medians = [np.nanmedian(run) for run in runs if np.isnan(run).sum() < 2]
    np.testing.assert_equal(worst_burst(curve), max(medians, default=np.nan))


def test_frozen_sorts_below_every_other_failure(still, measured):
    frozen = diagnose(measured(still))
    others = diagnose({"noise": constant(20.0), "shake": constant(2.0)})
    assert quality([]) == 1 > quality(others) > quality(frozen)


@pytest.mark.parametrize(("floor", "expected"), [(1.0, 1.0), (None, 4.0)])
def test_change_by_ratio_or_by_difference(floor, expected):
    rule = Rule("noise", None, 0.5, floor)
    assert rule.change(constant(7.0), constant(3.0)) == pytest.approx(expected)


def test_a_peak_stands_out_of_its_clip():
    rule = Rule("jump", None, 1.0, 1.0, peak=True)
    quiet, loud = constant(1.0), constant(1.0)
    loud.curve[5] = 7.0
    assert rule.change(loud, quiet) == pytest.approx(2.0)
    assert rule.change(constant(3.0), quiet) == 0  # everywhere alike: no event


def test_what_shows_in_many_frames_is_no_event():
    rule = Rule("jump", None, 1.0, 1.0, peak=True)
    clip = np.linspace(1, 31, 20)
    unrest = np.where(np.arange(20) % 5 == 0, 2, 1)
    event = np.where(np.arange(20) == 5, 2, 1)
    clean, encoded, jumped = (
        Score(1.0, (clip + 1) * times - 1) for times in (1, unrest, unrest * event)
    )
    assert rule.change(encoded, clean) == pytest.approx(0)
    assert rule.change(jumped, clean) == pytest.approx(1.0)


def test_curves_out_of_step_are_compared_as_a_whole():
    rule = Rule("jump", None, 1.0, 1.0, peak=True)
    rising = Score(3.0, np.arange(8.0))
    falling = Score(3.0, np.arange(8.0)[::-1].copy())
    assert rule.change(falling, rising) == 0
    assert rule.change(Score(7.0, np.full(5, 7.0)), rising) == 1.0  # another length


def test_hollow_clips_never_rank_best(make_pan, measured):
    """Every score of consistency is best for a clip that stands still, repeats or blurs."""
    clean = make_pan(pixels=2)
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(clean.shape)
    blurs = [cv2.GaussianBlur(f, (0, 0), 0.3 + 0.2 * t) for t, f in enumerate(clean)]
    hollow = {
        "frozen": np.repeat(clean[:1], 16, axis=0),
        "frozen with noise": (clean[:1] + noise).clip(0, 255).astype(np.uint8),
        "looping": clean[np.arange(16) % 5],
        "blurring": np.stack(blurs),
    }
    ranks = {name: quality(diagnose(measured(frames))) for name, frames in hollow.items()}
    assert quality(diagnose(measured(clean))) == 1
    assert max(ranks.values()) < 0.6, ranks
    shaken = diagnose({"shake": constant(2.0), "noise": constant(20.0)})
    still = [ranks[name] for name in ("frozen", "frozen with noise", "looping")]
    assert max(still) < quality(shaken)


@pytest.mark.parametrize("lines", [128, 256, 480, 720])
def test_white_noise_passes_or_fails_alike_at_every_size(lines):
    """Grain of 8 gray levels and more fails, and of 1 passes, however large the frames are."""
    rng = np.random.default_rng(0)
    size = (round(lines * 4 / 3), lines)
    wall = cv2.resize(rng.uniform(60, 190, (12, 17, 3)).astype(np.float32), (size[0] + 12, lines))
    views = [wall[:, 3 * t : 3 * t + size[0]] for t in range(4)]
    grain = rng.standard_normal((4, *views[0].shape)).astype(np.float32)
    for sigma, fails in ((1, False), (8, True), (20, True)):
        frames = (view + sigma * g for view, g in zip(views, grain, strict=True))
        evidence = observe(np.round(frame).clip(0, 255).astype(np.uint8) for frame in frames)
        found = diagnose({"noise": METRICS["noise"](evidence)})
        assert [failure.name for failure in found] == ["noise"] * fails, sigma
