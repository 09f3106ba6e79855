import torch

from kinema.blocks.recurrence import GatedRecurrence


@torch.no_grad()
def test_the_state_is_the_recurrence_and_never_grows():
    torch.manual_seed(0)
    mixer = GatedRecurrence(8)
    torch.nn.init.eye_(mixer.out.weight)
    x = torch.randn(1, 50, 1, 1, 8)
    y = mixer.norm(x)
    a = torch.sigmoid(mixer.forget(y))
    z, gate = mixer.write_and_read(y).chunk(2, dim=-1)
    h = torch.zeros(1, 1, 1, 8)
    for i in range(50):
        h = a[:, i] * h + (1 - a[:, i]) * z[:, i]
        expected = x[:, i] + h * torch.nn.functional.silu(gate[:, i])
        torch.testing.assert_close(mixer(x)[:, i], expected, rtol=1e-4, atol=1e-5)
        assert h.abs().max() <= z.abs().max()


@torch.no_grad()
def test_a_stream_needs_one_state():
    mixer, cache = GatedRecurrence(8), {}
    for _ in range(3):
        mixer(torch.randn(2, 4, 3, 5, 8), cache)
    assert cache[mixer].shape == (2, 3, 5, 8)
