import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from kinema.codecs import Pixels, Posterior
from kinema.errors import UserError


def test_pixels_change_nothing():
    frames = torch.rand(2, 3, 5, 7, 9) * 2 - 1
    codec = Pixels()
    latents = codec.encode(frames)
    assert latents.shape[1:] == codec.latent_shape(5, 7, 9)
    assert torch.equal(codec.decode(latents), frames)
    assert torch.equal(codec.decode(latents, 3, (4, 5)), frames[:, :, :3, :4, :5])


@pytest.mark.parametrize(
    "frames, says",
    [
        (torch.zeros(1, 1, 2, 8, 8), "3, frames"),
        (torch.zeros(3, 2, 8, 8), "3, frames"),
        (torch.zeros(1, 3, 0, 8, 8), "empty"),
        (torch.zeros(1, 3, 2, 8, 8, dtype=torch.uint8), "floating-point"),
        (torch.full((1, 3, 2, 8, 8), 200.0), r"\[200, 200\]"),
        (torch.full((1, 3, 2, 8, 8), float("nan")), "nan"),
    ],
)
def test_what_is_not_a_clip_is_refused_in_a_sentence(frames, says):
    with pytest.raises(UserError, match=says):
        Pixels().encode(frames)


@pytest.mark.parametrize("num_frames, size", [(6, None), (0, None), (None, (8, 7)), (2, (9, 1))])
def test_more_than_there_is_cannot_be_cut(num_frames, size):
    with pytest.raises(UserError, match="5 frames of 7x9"):
        Pixels().decode(torch.zeros(1, 3, 5, 7, 9), num_frames, size)


def test_samples_lie_around_the_mean_as_the_variance_says():
    posterior = Posterior(torch.ones(1, 3, 2, 32, 32), torch.full((1, 3, 2, 32, 32), -2.0))
    spread = posterior.sample(torch.Generator().manual_seed(0)) - posterior.mean
    assert abs(spread.std().item() - torch.tensor(-1.0).exp().item()) < 0.02
    assert abs(spread.mean().item()) < 0.02


def test_the_divergence_is_that_of_gaussians():
    # KL(N(0, 1) || N(0, 1)) = 0, and KL(N(1, 1) || N(0, 1)) = 1/2 for each of the 3 channels.
    zeros = torch.zeros(1, 3, 2, 4, 4)
    assert Posterior(zeros, zeros).kl().tolist() == [0.0]
    assert Posterior(torch.ones_like(zeros), zeros).kl().tolist() == [1.5]


@given(st.floats(-5, 5), st.floats(-6, 4), st.integers(1, 3), st.integers(0, 99))
def test_the_divergence_is_torchs_summed_over_channels_for_every_row(shift, log_variance, c, seed):
    torch.manual_seed(seed)
    mean, log_variances = (
        shift + torch.randn(2, c, 2, 3, 3),
        log_variance + torch.randn(2, c, 2, 3, 3),
    )
    each = kl_divergence(Normal(mean, (log_variances / 2).exp()), Normal(0, 1))
    expected = each.sum(1).mean((1, 2, 3))
    torch.testing.assert_close(Posterior(mean, log_variances).kl(), expected, rtol=1e-4, atol=1e-5)


def test_a_sample_is_the_mean_and_the_generators_noise():
    mean, log_variance = torch.randn(1, 2, 1, 3, 3), torch.randn(1, 2, 1, 3, 3)
    sample = Posterior(mean, log_variance).sample(torch.Generator().manual_seed(3))
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(sample, mean + (log_variance / 2).exp() * noise)
