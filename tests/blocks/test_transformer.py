import pytest
import torch

from kinema.blocks.attention import Causal, Full
from kinema.blocks.rotary import rotary_angles, time_angles
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


def test_self_attention_streams_exactly_what_it_computes_whole():
    torch.manual_seed(0)
    attention, cache = SelfAttention(16, 2, Causal()), {}
    x = torch.randn(2, 5, 4, 16)
    first = attention(x[:, :2], rotary_angles((2, 2, 2), 8), cache)
    second = attention(x[:, 2:], rotary_angles((3, 2, 2), 8, first_frame=2), cache)
    whole = attention(x, rotary_angles((5, 2, 2), 8))
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("along_time", [False, True])
def test_moved_keys_are_those_of_later_frames(along_time):
    attention, x = SelfAttention(16, 2, Causal(), along_time=along_time), torch.randn(1, 2, 1, 16)

    def keys(first):
        if along_time:
            return attention.heads(x, time_angles(2, 8, first_frame=first))[1]
        return attention.heads(x, rotary_angles((2, 1, 1), 8, first_frame=first))[1]

    torch.testing.assert_close(attention.moved(keys(5), -3), keys(2), rtol=1e-5, atol=1e-5)


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
