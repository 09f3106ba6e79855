import torch

from kinema.blocks.attention import Full
from kinema.blocks.rotary import rotary_angles
from kinema.blocks.transformer import MLP, CrossAttention, SelfAttention, xavier_


def test_shapes():
    x = torch.randn(2, 3, 4, 16)
    assert SelfAttention(16, 2, Full())(x, rotary_angles((3, 2, 2), 8)).shape == x.shape
    assert MLP(16)(x).shape == x.shape


def test_self_attention_without_positions_permutes_with_its_tokens():
    x = torch.randn(1, 1, 6, 16)
    attention, angles = SelfAttention(16, 2, Full()), torch.zeros(6, 4)
    order = torch.randperm(6)
    torch.testing.assert_close(attention(x, angles)[:, :, order], attention(x[:, :, order], angles))


def test_cross_attention_ignores_padding():
    x, text = torch.randn(2, 3, 4, 16), torch.randn(2, 5, 16)
    mask = torch.arange(5)[None] < torch.tensor([[2], [2]])
    cross = CrossAttention(16, 2)
    short = cross(x, text[:, :2], mask[:, :2])
    torch.testing.assert_close(cross(x, text, mask), short)


def test_xavier_zeroes_biases():
    linear = torch.nn.Linear(4, 4)
    xavier_(linear)
    assert torch.equal(linear.bias, torch.zeros(4)) and linear.weight.abs().max() <= (6 / 8) ** 0.5
