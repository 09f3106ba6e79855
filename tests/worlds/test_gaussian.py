"""The exact denoiser against brute-force conditioning of the joint Gaussian."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.worlds import GaussianWorld, Rendering, gaussian


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), rho=st.floats(-0.9, 0.95), num_frames=st.integers(1, 5))
def test_denoise_is_the_conditional_mean(seed, rho, num_frames):
    world = GaussianWorld(num_frames, rho, mean=0.3, std=0.7, shape=(2, 1, 3))
    generator = torch.Generator().manual_seed(seed)
    alpha, sigma = (torch.rand(2, num_frames, generator=generator) + 0.05 for _ in range(2))
    x = torch.randn(2, 2, num_frames, 1, 3, generator=generator, dtype=torch.float64)
    x0 = world.denoise(x, alpha, sigma)
    cov = np.array([[0.49 * rho ** abs(i - j) for j in range(num_frames)]
                    for i in range(num_frames)])  # fmt: skip
    for b in range(2):
        a, s = np.diag(alpha[b].double()), np.diag(sigma[b].double())
        joint = np.block([[cov, cov @ a], [a @ cov, a @ cov @ a + s @ s]])  # of (x0, x)
        precision = np.linalg.inv(joint)[:num_frames]
        pixels = x[b].movedim(1, -1).reshape(-1, num_frames).numpy()
        surprise = pixels - 0.3 * alpha[b].double().numpy()
        # E[x0 | x] = m - P11^-1 P12 (x - A m), by the precision matrix
        mean = 0.3 - surprise @ np.linalg.solve(precision[:, :num_frames],
                                                precision[:, num_frames:]).T  # fmt: skip
        mine = x0[b].movedim(1, -1).reshape(-1, num_frames).numpy()
        assert np.allclose(mine, mean, atol=1e-6)


def test_clean_frames_are_known_and_inform_their_neighbors():
    world = GaussianWorld(3, rho=0.9)
    x0 = world.sample(4, torch.Generator().manual_seed(0))
    alpha, sigma = torch.tensor([[1.0, 0.0, 0.0]] * 4), torch.tensor([[0.0, 1.0, 1.0]] * 4)
    x = torch.where(alpha[:, None, :, None, None] == 1, x0, torch.randn_like(x0))
    out = world.denoise(x, alpha, sigma)
    expected = x0[:, :, :1] * torch.tensor([1.0, 0.9, 0.81])[:, None, None]
    assert torch.allclose(out, expected, atol=1e-6)
    assert out.dtype == x.dtype and world.denoise(x.float(), alpha, sigma).dtype == torch.float32


def test_samples_have_the_covariance_and_errors_the_posterior_one():
    world = GaussianWorld(4, rho=0.8, std=1.5)
    x0 = world.sample(40_000, torch.Generator().manual_seed(1))
    flat = x0.flatten(1)
    assert (flat.T @ flat / len(flat) - world.covariance).abs().max() < 0.06
    alpha = torch.tensor([[0.9, 0.6, 0.3, 0.1]]).expand(len(x0), -1)
    sigma = 1 - alpha
    noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(2), dtype=x0.dtype)
    x = alpha[:, None, :, None, None] * x0 + sigma[:, None, :, None, None] * noise
    error = (world.denoise(x, alpha, sigma) - x0).flatten(1)
    gain = world._gain(alpha[:1], sigma[:1])[0]
    exact = world.covariance - gain * alpha[0].to(gain) @ world.covariance
    assert (error.T @ error / len(error) - exact).abs().max() < 0.03


def test_render_is_deterministic_and_correlated():
    one, two = (
        gaussian.render([3], Rendering(6, 16, truth=True)),
        gaussian.render([1, 3], Rendering(6, 16)),
    )
    assert (one[0].frames == two[1].frames).all()
    signal = one[0].frames.astype(float) - 127.5
    assert 0.8 < (signal[1:] * signal[:-1]).mean() / (signal**2).mean() < 1.0
