import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.metrics.temporal.vbench import dynamic_degree, is_dynamic, temporal_flickering
from kinema.motion import Flow


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_temporal_flickering_is_the_published_formula(seed, num_frames):
    frames = np.random.default_rng(seed).integers(0, 256, (num_frames, 9, 7, 3), dtype=np.uint8)
    pairs = [(frames[i].astype(float), frames[i + 1].astype(float)) for i in range(num_frames - 1)]
    errors = [np.mean(np.abs(a - b)) for a, b in pairs]
    assert temporal_flickering(frames) == pytest.approx((255.0 - np.mean(errors)) / 255.0)


def published_rule(forward, fps):
    """vbench/dynamic_degree.py restated pixel by pixel."""
    n, h, w, _ = forward.shape
    threshold = max(1.0, 8.0 / fps) * 6.0 * (min(h, w) / 256.0)
    needed, moved = round(4 * ((n + 1) / 16.0)), 0
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
    fps=st.sampled_from([4.0, 8.0, 24.0]),
    scale=st.floats(0.05, 0.6),
)
def test_dynamic_degree_is_the_published_rule(seed, pairs, fps, scale):
    rng = np.random.default_rng(seed)
    forward = scale * rng.standard_normal((pairs, 13, 17, 2)).astype(np.float32)
    assert is_dynamic(Flow(forward, -forward), fps) == published_rule(forward, fps)


def test_another_flow_may_be_given(make_pan):
    frames = make_pan(pixels=1, num_frames=8)
    assert dynamic_degree(frames, method=lambda a, b: np.full((96, 96, 2), 5, np.float32)) == 1
    assert dynamic_degree(frames, method=lambda a, b: np.zeros((96, 96, 2), np.float32)) == 0


@settings(max_examples=10)
@given(step=st.integers(0, 20))
def test_temporal_flickering_of_a_known_difference(step):
    frames = np.stack([np.full((8, 8, 3), 20 + step * (t % 2), np.uint8) for t in range(5)])
    assert temporal_flickering(frames) == pytest.approx((255 - step) / 255)


def test_a_frozen_clip_has_the_best_temporal_flickering(still):
    assert temporal_flickering(still) == 1
    assert temporal_flickering(still[:1]) == 1


def flow_of(speeds, size=(256, 256)):
    forward = np.zeros((len(speeds), *size, 2), np.float32)
    forward[..., 0] = np.asarray(speeds)[:, None, None]
    return Flow(forward, -forward)


def test_dynamic_needs_a_quarter_of_the_frames_above_six_pixels():
    assert is_dynamic(flow_of([6.1] * 4 + [0] * 11))  # 16 frames: four pairs are enough
    assert not is_dynamic(flow_of([6.1] * 3 + [0] * 12))
    assert not is_dynamic(flow_of([5.9] * 15))


def test_the_threshold_grows_with_the_picture():
    assert is_dynamic(flow_of([3.1] * 15, size=(128, 200)))
    assert not is_dynamic(flow_of([2.9] * 15, size=(128, 200)))


def test_only_the_fastest_twentieth_counts():
    flow = flow_of([0] * 15, size=(100, 100))
    flow.forward[:, :5, :, 0] = 3  # five of a hundred rows
    assert is_dynamic(flow)


def test_a_fast_pan_is_dynamic_and_a_slow_one_is_not(make_pan):
    assert dynamic_degree(make_pan(pixels=5)) == 1
    assert dynamic_degree(make_pan(pixels=1)) == 0
