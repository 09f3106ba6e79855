import torch

from kinema.codecs import Posterior


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
