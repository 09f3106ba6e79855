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
