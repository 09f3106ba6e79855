import numpy as np
import pytest
import torch

from kinema.codecs import CausalVAE, CausalVAEConfig, Pixels
from kinema.probes.codec import baselines


def smooth_clip(num_frames: int = 9, size: tuple[int, int] = (16, 24)) -> np.ndarray:
    """A soft wave that drifts: low frequencies only."""
    t, y, x = np.meshgrid(*(np.linspace(0, 1, n) for n in (num_frames, *size)), indexing="ij")
    wave = 128 + 90 * np.sin(2 * x + 1.5 * y + t)
    return np.stack([wave, 255 - wave, wave * 0 + 100], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("name", [n for n in baselines.BASELINES if n != "identity"])
def test_a_baseline_gets_better_with_more_values_and_keeps_the_shape(name):
    clip = smooth_clip(9, (32, 48))
    few, many = (baselines.BASELINES[name](clip, clip.size // share) for share in (192, 24))
    assert few.shape == many.shape == clip.shape and few.dtype == np.uint8

    def error(coded):
        return np.square(coded.astype(float) - clip).mean()

    assert error(many) < error(few) < np.square(clip - clip.mean()).mean()


def test_all_cosines_give_the_clip_back():
    clip = np.random.default_rng(0).integers(0, 256, (5, 12, 16, 3), dtype=np.uint8)
    np.testing.assert_array_equal(baselines.cosines_of_the_clip(clip, clip.size), clip)


def test_a_codec_is_a_coding_that_keeps_what_its_latents_hold():
    clip = smooth_clip(7, (12, 20))
    np.testing.assert_array_equal(baselines.through(Pixels())(clip, 0), clip)
    torch.manual_seed(0)
    codec = CausalVAE(CausalVAEConfig(8, (4, 4, 4), (8, 8), (0, 0), (0, 0)))
    assert baselines.through(codec)(clip, 0).shape == clip.shape
    assert baselines.values_of(codec, clip) == 8 * 3 * 2 * 3
    assert baselines.values_of(Pixels(), clip) == clip.size
