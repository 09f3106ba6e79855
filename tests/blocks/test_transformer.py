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


def attended(cross, x, tokens, seen):
    """Cross-attention by its formula, one head at a time; x: n d, tokens: m d."""
    k, v = cross.kv(tokens[seen]).chunk(2, -1)
    q, found = cross.q(x), []
    for head in range(2):
        part = slice(8 * head, 8 * head + 8)
        scores = cross.q_norm(q[:, part]) @ cross.k_norm(k[:, part]).T / 8**0.5
        found.append(scores.softmax(-1) @ v[:, part])
    return cross.out(torch.cat(found, -1))


def test_cross_attention_is_its_formula():
    cross, x, tokens = CrossAttention(16, 2, 12), torch.randn(2, 3, 4, 16), torch.randn(2, 5, 12)
    weights = torch.tensor([[1, 0, 1, 1, 0], [0, 1, 0, 0, 0]])
    found = cross(x, tokens, weights)
    for row in range(2):
        expected = attended(cross, x[row].flatten(0, 1), tokens[row], weights[row] > 0)
        torch.testing.assert_close(found[row].flatten(0, 1), expected)


def test_weights_scale_what_each_token_says_but_not_who_is_heard():
    cross, x, tokens = CrossAttention(16, 2), torch.randn(2, 3, 4, 16), torch.randn(2, 5, 16)
    whole = cross(x, tokens, torch.ones(2, 5))
    torch.testing.assert_close(cross(x, tokens, torch.full((2, 5), 0.5)), whole / 2)
    parts = [cross(x, tokens, torch.eye(5)[i].expand(2, 5) * 0.999 + 0.001) for i in range(5)]
    torch.testing.assert_close(sum(parts), whole * (0.999 + 5 * 0.001))


def test_a_row_that_sees_no_token_reads_zero():
    cross, x, tokens = CrossAttention(16, 2), torch.randn(2, 3, 4, 16), torch.randn(2, 5, 16)
    weights = torch.tensor([[0] * 5, [1] * 5])
    found = cross(x, tokens, weights)
    assert not found[0].any() and torch.equal(found[1], cross(x, tokens, torch.ones(2, 5))[1])


def test_the_mlp_is_its_formula_and_four_times_as_wide():
    mlp, x = MLP(8), torch.randn(3, 8)
    torch.testing.assert_close(mlp(x), mlp.down(torch.relu(mlp.up(x)) ** 2))
    assert mlp.up.out_features == 32 and MLP(8, 3).up.out_features == 24


def test_self_attention_turns_queries_and_keys_alone():
    attention, x = SelfAttention(16, 2, Full()), torch.randn(1, 2, 3, 16)
    still = attention.heads(x, torch.zeros(6, 4))
    turned = attention.heads(x, rotary_angles((2, 1, 3), 8))
    assert torch.equal(turned[2], still[2])
    for one, other in zip(turned[:2], still[:2], strict=True):
        torch.testing.assert_close(one.norm(dim=-1), other.norm(dim=-1))
        assert not torch.allclose(one[:, :, 1], other[:, :, 1])
        torch.testing.assert_close(one[:, :, 0, 0], other[:, :, 0, 0])
