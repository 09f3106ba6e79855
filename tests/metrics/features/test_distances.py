import numpy as np
import pytest

from kinema.errors import UserError
from kinema.metrics.features.distances import (
    FEATURES,
    appearance_features,
    change_features,
    frechet_distance,
    frechet_interval,
    kernel_distance,
    motion_features,
    squared_mmd,
)


def gaussian(n, d=6, mean=0.0, scale=1.0, seed=0):
    return mean + scale * np.random.default_rng(seed).standard_normal((n, d))


def test_the_mmd_is_unbiased():
    values = [
        squared_mmd(gaussian(16, seed=2 * s), gaussian(16, seed=2 * s + 1)) for s in range(300)
    ]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(300)


def test_the_mmd_of_a_shift_is_that_of_the_populations_on_average():
    """In one dimension (x y + 1)^3 has a mean in closed form; unequal sets must hit it."""
    shift = 0.5
    m1, m2, m3 = shift, 1 + shift**2, shift**3 + 3 * shift  # moments of N(shift, 1)
    exact = m3**2 + 3 * (m2 - 1) ** 2 + 3 * m1**2
    values = [
        squared_mmd(gaussian(16, 1, shift, seed=2 * s), gaussian(40, 1, seed=2 * s + 1))
        for s in range(4000)
    ]
    assert np.mean(values) == pytest.approx(exact, abs=4 * np.std(values) / np.sqrt(4000))
    assert np.std(values) / np.sqrt(4000) < 0.05 * exact


def test_a_farther_set_is_farther():
    distances = (kernel_distance, frechet_distance)
    for distance in distances:
        near, far = (distance(gaussian(60, mean=x, seed=1), gaussian(60)) for x in (0.3, 1.0))
        assert getattr(far, "value", far) > 2 * max(getattr(near, "value", near), 0)


def test_one_distribution_does_not_differ_and_two_do():
    same = kernel_distance(gaussian(40, seed=1), gaussian(40, seed=2))
    assert not same.differs
    assert same.floor[0] < 0 < same.floor[1]
    assert kernel_distance(gaussian(40, mean=1.0, seed=1), gaussian(40, seed=2)).differs


def test_few_clips_are_refused():
    with pytest.raises(UserError, match="at least 16"):
        kernel_distance(gaussian(15), gaussian(40))
    with pytest.raises(UserError, match="more than 6"):
        frechet_distance(gaussian(6), gaussian(40))


def test_frechet_of_known_gaussians():
    rng = np.random.default_rng(0)
    base = rng.standard_normal((4000, 3))
    base = (base - base.mean(0)) @ np.linalg.inv(
        np.linalg.cholesky(np.cov(base.T))
    ).T  # exactly N(0, 1)
    shifted = 2 * base + np.array([3.0, 0, 0])
    # |shift|^2 + sum (2 - 1)^2
    assert frechet_distance(shifted, base) == pytest.approx(9 + 3, rel=1e-6)
    assert frechet_distance(base, base) == pytest.approx(0, abs=1e-9)


def test_features_have_one_length_whatever_the_clip(pan, still):
    for features in FEATURES.values():
        lengths = {features(frames).shape for frames in (pan, still, pan[:1], pan[:2])}
        assert len(lengths) == 1


def test_appearance_is_blind_to_order_and_motion_is_not(pan):
    shuffled = pan[np.random.default_rng(0).permutation(16)]
    np.testing.assert_allclose(appearance_features(shuffled), appearance_features(pan), rtol=1e-6)
    for features in (change_features, motion_features):
        assert np.abs(features(shuffled) - features(pan)).max() > 0.05


def test_a_frozen_clip_has_no_change(still):
    assert np.abs(change_features(still)).max() == 0
    assert motion_features(still)[0] == 1  # every pixel in the slowest bin


def test_the_frechet_interval_lies_above_the_band_only_if_the_sets_differ():
    same = frechet_interval(gaussian(60, seed=1), gaussian(80, seed=2))
    assert (same.num_clips, same.num_resampled) == ((60, 80), 30)
    assert same.value == frechet_distance(gaussian(60, seed=1), gaussian(80, seed=2))
    assert not same.differs
    assert frechet_interval(gaussian(60, mean=1.0, seed=1), gaussian(80, seed=2)).differs
    with pytest.raises(UserError, match="needs 14 clips on both sides for an interval"):
        frechet_interval(gaussian(13), gaussian(40))


def test_the_frechet_interval_is_as_wide_as_fresh_sets_spread():
    """Few judged clips beside many real ones: both are resampled."""
    reference = gaussian(200, seed=0)
    seeds = range(1, 60)
    fresh = [frechet_distance(gaussian(40, seed=s), gaussian(40, seed=99 + s)) for s in seeds]
    found = [frechet_interval(gaussian(40, seed=s), reference) for s in range(1, 6)]
    width = np.mean([one.interval[1] - one.interval[0] for one in found])
    assert width > np.quantile(fresh, 0.975) - np.quantile(fresh, 0.025)


def test_features_never_change(pan):
    """Distances are compared with those of old reports: the fixed filters and bins stay."""
    known = {
        "appearance": [0.33034, 0.13594, 0.30786, 0.00189, 0.00074],
        "change": [0.06201, 0.05145, 0.05746, 0.00111, 0.00155],
    }
    for name, expected in known.items():
        features = FEATURES[name](pan)
        assert features[[0, 1, 2, -2, -1]] == pytest.approx(expected, rel=0.01, abs=1e-5)
    motion = motion_features(pan)
    assert motion[:7] == pytest.approx([0, 0, 0, 0.04722, 0.95278, 0, 0], abs=5e-3)
    assert motion[[7, 14]].sum() == pytest.approx(1)  # to the left, a little up or down
    assert motion[15:18] == pytest.approx([0.92473, 0.07502, 0.00025], abs=0.01)  # of acceleration
    assert motion[-2:] == pytest.approx([0.09655, 0.0102], abs=3e-3)
