import numpy as np
import pytest
import torch

from kinema.codecs import CausalVAE, CausalVAEConfig
from studies.ladder.arms import ALONE, AVERAGED, SHARED, UNMIXED
from studies.ladder.making import Making, make_clips, moving_average, walk, without_mixers

CAPTIONS = ["a red ball rolls to the right", "a blue cube spins", "a red cube spins"]
MAKING = Making(num_steps=2, batch_size=2)


@pytest.fixture
def codec():
    torch.manual_seed(0)
    config = CausalVAEConfig(
        channels=16, widths=(8, 16), encoder_depth=(1, 1), decoder_depth=(1, 1)
    )
    return CausalVAE(config).eval()


def test_shared_noise_frame_by_frame_stands_still(task, codec):
    """The perfect zero of every score of consistency, and why motion stands beside them."""
    with without_mixers(task.network["denoiser"]):
        clips = make_clips(task, codec, CAPTIONS, SHARED, MAKING)
        moving = make_clips(task, codec, CAPTIONS, ALONE, MAKING)
    assert clips.shape[:2] == (3, 5) and clips.dtype == np.uint8
    assert (clips == clips[:, :1]).all()
    assert (moving != moving[:, :1]).any()


def test_a_mixer_switched_off_is_frame_by_frame_and_comes_back(task):
    network = task.network["denoiser"]
    x, t = torch.randn(1, 16, 4, 2, 2), torch.rand(1, 4)
    with torch.no_grad():
        whole = network(x, t)
        with without_mixers(network):
            off = network(x, t)
            alone = [network(x[:, :, i : i + 1], t[:, i : i + 1]) for i in range(4)]
        torch.testing.assert_close(off, torch.cat(alone, 2), rtol=1e-5, atol=1e-5)
        assert (off - whole).abs().max() > 1e-3
        assert torch.equal(network(x, t), whole)


def test_the_mixer_matters_to_the_clips(task, codec):
    on, off = (make_clips(task, codec, CAPTIONS, way, MAKING) for way in (ALONE, UNMIXED))
    assert (on != off).any()


def test_a_true_clip_is_noised_to_the_strength_and_no_further():
    known, noise = torch.randn(2, 1, 1, 5, 2, 2)
    started = []

    def denoise(x, t):
        started.append((x, t))
        return x

    for strength in (0.01, 0.5):
        walk(denoise, noise, Making(num_steps=1, strength=strength), known)
        x, t = started[-1]
        assert t.unique().item() == pytest.approx(strength)
        torch.testing.assert_close(x, (1 - strength) * known + strength * noise)


def test_moving_average_by_hand():
    frames = np.array([0, 30, 60, 0], np.uint8)[None, :, None, None, None]
    smooth = moving_average(np.broadcast_to(frames, (1, 4, 1, 1, 3)), 3)
    assert smooth[0, :, 0, 0, 0].tolist() == [10, 30, 30, 20]


def test_averaging_is_the_average_of_what_is_made_alone(task, codec):
    alone = make_clips(task, codec, CAPTIONS, ALONE, MAKING)
    assert (make_clips(task, codec, CAPTIONS, AVERAGED, MAKING) == moving_average(alone, 3)).all()
