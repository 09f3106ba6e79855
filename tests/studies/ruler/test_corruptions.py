import numpy as np
import pytest

from kinema.metrics.verdicts import FAULTS
from studies.ruler.corruptions import CORRUPTIONS, displace


@pytest.fixture(scope="module")
def frames():
    y, x = np.mgrid[:48, :64]
    waves = [128 + 60 * np.sin((x + 2 * t) / 5) * np.cos(y / 7) for t in range(16)]
    return np.stack([np.stack([w, 0.8 * w, 255 - w], -1) for w in waves]).astype(np.uint8)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_corruption_changes_the_clip_and_keeps_its_shape(frames, name):
    corrupted = CORRUPTIONS[name](frames, seed=3)
    assert corrupted.shape == frames.shape
    assert corrupted.dtype == np.uint8
    assert not np.array_equal(corrupted, frames)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_one_seed_one_fault(frames, name):
    first, second = (CORRUPTIONS[name](frames, seed=3) for _ in range(2))
    if name == "compression":  # x264 is not always bit for bit the same
        assert np.abs(first.astype(int) - second).mean() < 4
    else:
        np.testing.assert_array_equal(first, second)


def test_failures_are_known():
    assert {c.failure for c in CORRUPTIONS.values()} <= FAULTS.keys() | {""}


def test_the_clip_itself_is_left_alone(frames):
    before = frames.copy()
    for corruption in CORRUPTIONS.values():
        corruption(frames)
    np.testing.assert_array_equal(frames, before)


def test_noise_has_its_sigma(frames):
    noisy = CORRUPTIONS["noise"](np.full_like(frames, 128), 6)
    assert noisy.astype(float).std() == pytest.approx(6, rel=0.05)


def test_stutter_holds_each_third_frame(frames):
    held = CORRUPTIONS["stutter"](frames, 3)
    same = [np.array_equal(a, b) for a, b in zip(held[:-1], held[1:], strict=True)]
    assert np.flatnonzero(same).tolist() == [1, 4, 7, 10, 13]


def test_shuffling_keeps_the_frames(frames):
    shuffled = CORRUPTIONS["shuffle"](frames)
    assert {f.tobytes() for f in shuffled} == {f.tobytes() for f in frames}


def test_displacement_by_whole_pixels(frames):
    moved = displace(frames[0], np.full((48, 64, 2), (3, 1), np.float32))
    np.testing.assert_array_equal(moved[:-1, :-3], frames[0, 1:, 3:])
