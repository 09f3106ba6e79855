import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.metrics.temporal.vbench import dynamic_degree, motion_smoothness, temporal_flickering


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_temporal_flickering_is_the_published_formula(seed, num_frames):
    frames = np.random.default_rng(seed).integers(0, 256, (num_frames, 9, 7, 3), dtype=np.uint8)
    pairs = [(frames[i].astype(float), frames[i + 1].astype(float)) for i in range(num_frames - 1)]
    errors = [np.mean(np.abs(a - b)) for a, b in pairs]
    assert temporal_flickering(frames) == pytest.approx((255.0 - np.mean(errors)) / 255.0)


@settings(max_examples=10)
@given(step=st.integers(0, 20))
def test_temporal_flickering_of_a_known_difference(step):
    frames = np.stack([np.full((8, 8, 3), 20 + step * (t % 2), np.uint8) for t in range(5)])
    assert temporal_flickering(iter(frames)) == pytest.approx((255 - step) / 255)


def test_a_frozen_clip_has_the_best_temporal_flickering(still):
    assert temporal_flickering(still) == 1
    assert temporal_flickering(still[:1]) == 1


@pytest.mark.parametrize("num_frames", [3, 4, 5, 8])
def test_every_second_frame_is_made_from_its_neighbors(num_frames):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (num_frames, 6, 8, 3), dtype=np.uint8)
    middles = {}

    def interpolate(a, b):
        known = [k for k in range(0, num_frames - 2, 2)
                 if np.array_equal(a, frames[k]) and np.array_equal(b, frames[k + 2])]  # fmt: skip
        middles[known[0]] = True
        return np.full_like(a, 100)

    errors = [np.abs(frames[k + 1].astype(float) - 100).mean() for k in range(0, num_frames - 2, 2)]
    found = motion_smoothness(iter(frames), interpolate)
    assert found == pytest.approx((255 - np.mean(errors)) / 255)
    assert sorted(middles) == list(range(0, num_frames - 2, 2))


def test_a_steady_pan_is_smoother_than_one_whose_odd_frames_are_late(make_pan):
    steady = make_pan(pixels=2, num_frames=9)
    late = steady.copy()
    late[1::2] = steady[2::2]
    assert motion_smoothness(steady) > 0.98 > motion_smoothness(late)
    assert np.isnan(motion_smoothness(steady[:2]))


def published_rule(forward):
    """vbench/dynamic_degree.py restated pixel by pixel, on the flow between the frames it takes."""
    n, h, w, _ = forward.shape
    threshold, moved = 6.0 * (min(h, w) / 256.0), 0
    needed = round(4 * ((n + 1) / 16.0))
    for field in forward:
        speeds = sorted((float(np.hypot(u, v)) for u, v in field.reshape(-1, 2)), reverse=True)
        moved += np.mean(speeds[: int(h * w * 0.05)]) > threshold
        if moved >= needed:
            return True
    return False


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    pairs=st.integers(0, 12),
    fps=st.sampled_from([4.0, 8.0, 24.0, 25.0]),
    scale=st.floats(0.05, 0.6),
)
def test_dynamic_degree_is_the_published_rule(seed, pairs, fps, scale):
    rng = np.random.default_rng(seed)
    forward = scale * rng.standard_normal((pairs, 13, 17, 2)).astype(np.float32)
    stride = max(1, round(fps / 8))
    frames = np.arange(pairs * stride + 1, dtype=np.uint8).reshape(-1, 1, 1, 1)

    def method(a, b):
        assert int(b.item()) - int(a.item()) == stride
        return forward[int(a.item()) // stride]

    assert dynamic_degree(frames, fps, method) == published_rule(forward)


def of_speeds(speeds, size=(256, 256)):
    """The dynamic degree of a clip whose pairs move at these speeds, everywhere alike."""
    fields = iter([np.stack([np.full(size, v), np.zeros(size)], -1) for v in speeds])
    frames = np.zeros((len(speeds) + 1, 1, 1, 3), np.uint8)
    return dynamic_degree(frames, method=lambda a, b: next(fields))


def test_dynamic_needs_a_quarter_of_the_frames_above_six_pixels():
    assert of_speeds([6.1] * 4 + [0] * 11) == 1  # 16 frames: four pairs are enough
    assert of_speeds([6.1] * 3 + [0] * 12) == 0
    assert of_speeds([5.9] * 15) == 0


def test_the_threshold_grows_with_the_picture():
    assert of_speeds([3.1] * 15, size=(128, 200)) == 1
    assert of_speeds([2.9] * 15, size=(128, 200)) == 0


def test_only_the_fastest_twentieth_counts():
    field = np.zeros((100, 100, 2), np.float32)
    field[:5, :, 0] = 3  # five of a hundred rows
    frames = np.zeros((16, 1, 1, 3), np.uint8)
    assert dynamic_degree(frames, method=lambda a, b: field) == 1
    field[4, :, 0] = -20  # the speed counts, not its sign
    assert dynamic_degree(frames, method=lambda a, b: field) == 1
    field[:4] = 0
    assert dynamic_degree(frames, method=lambda a, b: field / 10) == 0


def test_a_fast_pan_is_dynamic_and_a_slow_one_is_not(make_pan):
    assert dynamic_degree(make_pan(pixels=5)) == 1
    assert dynamic_degree(make_pan(pixels=1)) == 0
