import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.diffusion import noise_like_rows
from kinema.sampling.rollout import FrameNoise
from kinema.sampling.rollout.noise import HISTORY, KEYS


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 20), st.integers(1, 9), st.integers(1, 7))
def test_a_frame_has_its_noise_whoever_asks(start, count, block):
    noise = FrameNoise([5, 6], (1, 2, 3), block)
    whole = noise(0, start + count)
    assert torch.equal(noise(start, start + count), whole[:, :, start:])
    assert torch.equal(
        FrameNoise([6], (1, 2, 3), block)(start, start + count), whole[1:, :, start:]
    )


def test_the_first_block_is_the_ordinary_samplers():
    noise = FrameNoise([5, 6], (4, 2, 3), block=9)
    assert torch.equal(noise(0, 9), noise_like_rows((2, 4, 9, 2, 3), [5, 6]))


def test_streams_and_positions_are_independent():
    noise = FrameNoise([5], (1, 32, 32))
    keys = noise.other(KEYS)
    streams = [noise, noise.other(HISTORY), keys, keys.other(HISTORY), keys.other(KEYS)]
    drawn = [stream(at, at + 2) for stream in streams for at in (0, 2)]
    drawn += [stream.fresh(at)((1, 1, 2, 32, 32)) for stream in streams for at in (0, 1)]
    together = torch.stack([one.flatten() for one in drawn])
    assert (torch.corrcoef(together) - torch.eye(20)).abs().max() < 0.1


def test_it_takes_the_type_it_is_asked_for():
    noise = FrameNoise([5], (1, 2, 2), like=torch.empty(0, dtype=torch.float64))
    assert noise(0, 1).dtype == noise.other(HISTORY)(0, 1).dtype == torch.float64
