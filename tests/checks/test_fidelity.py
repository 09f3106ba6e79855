from pathlib import Path

import numpy as np
import pytest

from kinema import clips
from kinema.checks.fidelity import fidelity
from kinema.metrics.features.fidelity import psnr, ssim
from kinema.metrics.features.physics_iq import physics_iq


@pytest.fixture
def write(tmp_path):
    def write(name, frames):
        return Path(clips.write(clips.Clip(frames, 8.0), tmp_path / f"{name}.mkv"))

    return write


def pan(num_frames=9, size=(48, 64), seed=0):
    wide = np.random.default_rng(seed).integers(0, 256, (size[0], size[1] + 40, 3), dtype=np.uint8)
    return np.stack([wide[:, 4 * t : 4 * t + size[1]] for t in range(num_frames)])


def test_what_is_read_side_by_side_is_what_whole_clips_have(write):
    file, other = write("a", pan()), write("b", pan()[::-1].copy())
    a, b = (clips.read(path).frames for path in (file, other))
    found = fidelity(file, other, lpips=lambda x, y: float(np.abs(x.astype(int) - y).max()))
    assert found["psnr"] == pytest.approx(psnr(a, b), rel=1e-6)
    assert found["ssim"] == pytest.approx(ssim(a, b), rel=1e-6)
    expected = np.mean([np.abs(x.astype(int) - y).max() for x, y in zip(a, b, strict=True)])
    assert found["lpips"] == pytest.approx(expected)
    motion = physics_iq(a, b, 8)
    assert (found["spatiotemporal_iou"], found["mse"]) == (motion.spatiotemporal_iou, motion.mse)


def test_a_clip_and_itself(write):
    found = fidelity(write("a", pan()), write("b", pan()))
    assert (found["psnr"], found["ssim"], found["lpips"], found["mse"]) == (None, 1, None, 0)


def test_shapes_that_differ_are_not_compared(write):
    whole = write("a", pan())
    assert fidelity(whole, write("b", pan(8))) is None
    assert fidelity(whole, write("c", pan(9, (64, 48)))) is None


def test_pictures_below_the_window_have_no_ssim(write):
    found = fidelity(write("a", pan(3, (8, 8))), write("b", pan(3, (8, 8), seed=1)))
    assert found["ssim"] is None and found["psnr"] > 0
