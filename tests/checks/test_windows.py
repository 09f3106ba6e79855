import numpy as np
import pytest

from kinema.checks.clip_report import Moment
from kinema.checks.windows import (
    OVERVIEW_FRAMES,
    Overview,
    WindowResult,
    assemble,
    measure_window,
    merge_failures,
    merge_scores,
    windows,
    without_surplus,
)
from kinema.metrics.evidence import Score, glance
from kinema.metrics.verdicts import Failure


def moving(count, size=32):
    y, x = np.mgrid[:size, :size]
    for t in range(count):
        wave = 128 + 50 * np.sin((x + t) / 3) + 50 * np.cos((y + 0.5 * t) / 4)
        yield np.repeat(wave[..., None], 3, -1).astype(np.uint8)


@pytest.mark.parametrize("count", [1, 64, 79, 80, 81, 200])
def test_every_frame_is_owned_once(count):
    cut = list(windows(moving(count), 25, Overview()))
    owned = [t for window in cut for t in range(*window.own)]
    assert owned == list(range(count))
    for window in cut:
        assert window.start <= window.own[0]
        assert window.own[1] <= window.start + len(window.evidence)
        assert len(window.evidence) <= 80


def test_the_overview_stays_small_and_even():
    overview = Overview()
    one = glance(next(moving(1)))
    for _ in range(3 * OVERVIEW_FRAMES):
        overview.add(one)
    assert overview.stride == 4
    assert len(overview.kept) == 3 * OVERVIEW_FRAMES / 4
    assert len(overview.kept) <= OVERVIEW_FRAMES


def test_a_long_clip_is_put_together_again():
    frames = list(moving(100))
    frames[60:] = [255 - f for f in frames[60:]]
    overview = Overview()
    results = [measure_window(w, with_pictures=True) for w in windows(frames, 25, overview)]
    report = assemble("x", results, overview, 25, with_pictures=True)
    assert report.num_frames == 100
    assert all(score.curve.shape == (100,) for score in report.scores.values())
    cut = next(failure for failure in report.failures if failure.name == "cut")
    assert cut.frames == [60]
    assert report.strip.startswith(b"\xff\xd8")
    assert {moment.frame for moment in report.moments if moment.failure == "cut"} == {60}


def test_eight_spoiled_frames_of_a_long_clip_are_found_and_placed():
    frames, noise = list(moving(600, size=48)), np.random.default_rng(0)
    for t in range(403, 411):
        frames[t] = (frames[t] + noise.normal(0, 12, frames[t].shape)).clip(0, 255).astype(np.uint8)
    overview = Overview()
    results = [measure_window(window) for window in windows(frames, 25, overview)]
    report = assemble("x", results, overview, 25, with_pictures=False)
    (failure,) = [failure for failure in report.failures if failure.name == "noise"]
    assert set(range(404, 410)) <= set(failure.frames) <= set(range(402, 412))


def test_windows_that_cannot_tell_are_left_out():
    scores = [np.nan, 0.4, 0.2]
    results = []
    for n, x in enumerate(scores):
        score = Score(x, np.full(8, x), 0.1 * n)
        results.append(WindowResult(8 * n, (8 * n, 8 * n + 8), {"strain": score}, [], [], []))
    merged = merge_scores(results, 24)["strain"]
    assert (merged.value, merged.error) == (0.4, 0.1)
    assert np.isnan(merge_scores(results[:1], 8)["strain"].value)


def test_failures_of_windows_become_one():
    a = Failure("noise", "architecture", [1, 2], 0.6, "noise", "")
    b = Failure("noise", "architecture", [2, 9], 0.9, "noise", "")
    (merged,) = merge_failures([a, b])
    assert (merged.frames, merged.confidence) == ([1, 2, 9], 0.9)


def test_pictures_of_a_failure_stop_at_three():
    moment = Moment("noise", 1, [("frame", b"x")])
    results = []
    for _ in range(5):
        new = WindowResult(0, (0, 1), {}, [], [], [moment])
        results.append(without_surplus(new, results))
    assert [len(result.moments) for result in results] == [1, 1, 1, 0, 0]
