import numpy as np
import pytest

from kinema.metrics.features.distances import FEATURES
from kinema.worlds import Rendering, tabletop
from studies.diffusability.scoring import distances, features_of, followed


def sets(shift, seed, count=1, n=40):
    generator = np.random.default_rng(seed)
    return [generator.standard_normal((n, 6)) + shift for _ in range(count)]


def test_the_same_distribution_is_near_and_another_is_far():
    reference = sets(0, 1)[0]
    found = distances({"same": sets(0, 2, 2), "other": sets(1, 3, 2)}, reference)
    (same, seeds), (other, _) = found["same"], found["other"]
    assert same.low < 0 < same.high and same.value == pytest.approx(np.mean(seeds))
    assert other.low > same.high and other.low < other.value < other.high


def test_an_interval_holds_as_often_as_it_says():
    """Half-sampling: 95 % intervals of one distribution hold 0 about 95 times in 100."""
    held = 0
    for trial in range(40):
        estimate, _ = distances({"a": sets(0, 2 * trial)}, sets(0, 2 * trial + 1)[0])["a"]
        held += estimate.low <= 0 <= estimate.high
    assert held >= 34


def test_a_true_clip_follows_its_prompt_and_features_have_rows():
    scenes = tabletop.render([0, 1], Rendering(9, 32, 1, "train", 8.0))
    frames = np.stack([scene.frames for scene in scenes])
    share = followed([frames, frames], scenes, 8.0)
    assert share.total == 4 and share.right % 2 == 0
    found = features_of(frames)
    assert list(found) == list(FEATURES) and all(len(rows) == 2 for rows in found.values())
