import torch

from kinema.blocks.activation import squared_relu


def test_values_and_gradient():
    x = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.double, requires_grad=True)
    assert torch.equal(squared_relu(x), torch.tensor([0.0, 0.0, 9.0], dtype=torch.double))
    assert torch.autograd.gradcheck(squared_relu, (torch.randn(9).double().requires_grad_(),))


def test_autocast_leaves_bf16_alone():
    x = torch.randn(4, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        assert squared_relu(x).dtype == torch.bfloat16
