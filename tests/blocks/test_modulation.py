import torch

from kinema.blocks.modulation import gated, modulate, norm


def test_zero_vectors_leave_the_norm_and_the_input():
    x, zero = torch.randn(2, 3, 4, 8), torch.zeros(2, 3, 1, 8)
    torch.testing.assert_close(modulate(x, zero, zero), norm(x))
    assert torch.equal(gated(x, zero, torch.randn_like(x)), x)


def test_each_frame_is_modulated_by_its_own_vector():
    x, shift, scale = torch.randn(2, 3, 4, 8), torch.zeros(2, 3, 1, 8), torch.zeros(2, 3, 1, 8)
    shift[:, 1], scale[:, 1] = 5, 1
    y = modulate(x, shift, scale)
    torch.testing.assert_close(y[:, [0, 2]], norm(x)[:, [0, 2]])
    torch.testing.assert_close(y[:, 1], 2 * norm(x)[:, 1] + 5)


def test_the_norm_has_mean_zero_and_variance_one_and_forgives_a_constant():
    y = norm(3 * torch.randn(5, 64) + 2)
    torch.testing.assert_close(y.mean(-1), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var(-1, unbiased=False), torch.ones(5), atol=1e-4, rtol=0)
    assert not norm(torch.full((2, 8), 7.0)).any()
    x = torch.randn(2, 3, 4, 8)
    torch.testing.assert_close(norm(x)[1, 2, 3], norm(x[1, 2, 3]))  # each token by itself


def test_modulation_and_gate_are_their_formulas():
    x, a, b = torch.randn(3, 2, 3, 4, 8).unbind()
    torch.testing.assert_close(modulate(x, a, b), norm(x) * (1 + b) + a)
    torch.testing.assert_close(gated(x, a, b), x + a * b)
