import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.blocks.attention import Causal, Full
from kinema.blocks.transformer import (
    EPS,
    MLP,
    CrossAttention,
    FusedRMSNorm,
    RMSNorm,
    SelfAttention,
    TimeEmbedding,
    TokenShift,
    gated,
    modulate,
    norm,
    pad_to_multiple,
    patchify,
    rotary_angles,
    rotate,
    sinusoids,
    squared_relu,
    time_angles,
    token_shift,
    unpatchify,
    xavier_,
)


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


def test_values_and_gradient():
    x = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.double, requires_grad=True)
    assert torch.equal(squared_relu(x), torch.tensor([0.0, 0.0, 9.0], dtype=torch.double))
    assert torch.autograd.gradcheck(squared_relu, (torch.randn(9).double().requires_grad_(),))


def test_autocast_leaves_bf16_alone():
    x = torch.randn(4, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        assert squared_relu(x).dtype == torch.bfloat16


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


def test_it_is_torchs_rms_norm():
    x = torch.randn(3, 5, 16, requires_grad=True)
    norm = RMSNorm(16)
    torch.nn.init.normal_(norm.gain)
    grad = torch.randn_like(x)
    ours, theirs = norm(x), F.rms_norm(x, (16,), norm.gain, eps=EPS)
    torch.testing.assert_close(ours, theirs)
    for a, b in zip(
        torch.autograd.grad(ours, (x, norm.gain), grad),
        torch.autograd.grad(theirs, (x, norm.gain), grad),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_gradcheck_of_the_norm():
    x = torch.randn(2, 3, 4, dtype=torch.double, requires_grad=True)
    gain = torch.randn(4, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(FusedRMSNorm.apply, (x, gain))


def test_zeros_and_bf16_stay_finite_and_keep_their_type():
    x = torch.zeros(2, 8, dtype=torch.bfloat16, requires_grad=True)
    y = RMSNorm(8)(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == torch.bfloat16
    assert torch.equal(y, torch.zeros_like(y)) and x.grad.isfinite().all()


sizes = st.integers(1, 5)


def test_sinusoids_of_a_thousand_times_t():
    y = sinusoids(torch.tensor([0.0, 0.25]), 8)
    torch.testing.assert_close(y[0], torch.tensor([1.0] * 4 + [0.0] * 4))
    torch.testing.assert_close(y[1, 0], torch.tensor(math.cos(250.0)))
    torch.testing.assert_close(y[1, 7], torch.tensor(math.sin(250 * 1e-3)), rtol=1e-4, atol=1e-4)


def test_time_embedding_takes_any_shape():
    assert TimeEmbedding(16)(torch.rand(2, 5)).shape == (2, 5, 16)


@given(f=sizes, h=sizes, w=sizes, patch=st.tuples(*[st.integers(1, 3)] * 3))
@settings(max_examples=30, deadline=None)
def test_patches_and_padding_are_undone_by_unpatchify_and_a_cut(f, h, w, patch):
    x = torch.randn(2, 3, f, h, w)
    padded = pad_to_multiple(x, patch)
    assert all(n % p == 0 for n, p in zip(padded.shape[2:], patch, strict=True))
    y = unpatchify(patchify(padded, patch), patch)
    assert torch.equal(y, padded) and torch.equal(y[:, :, :f, :h, :w], x)


def test_a_token_holds_channel_frame_row_and_column_in_this_order():
    x = torch.randn(1, 2, 4, 6, 4)
    token = patchify(x, (2, 3, 2))[0, 1, 0, 1]
    assert torch.equal(token, x[0, :, 2:4, 0:3, 2:4].flatten())


def test_padding_repeats_the_last_frame_row_and_column():
    x = torch.arange(2 * 2 * 3.0).view(1, 1, 2, 2, 3)
    padded = pad_to_multiple(x, (3, 4, 4))
    assert padded.shape == (1, 1, 3, 4, 4)
    assert torch.equal(padded[:, :, 2], padded[:, :, 1])
    assert torch.equal(padded[:, :, :2, 2:, :3], x[:, :, :, 1:].expand(-1, -1, -1, 2, -1))
    assert torch.equal(padded[..., :2, :2, 3], x[..., 2])
    assert pad_to_multiple(x, (1, 2, 3)) is x


def test_a_time_is_embedded_by_two_layers():
    embedding, t = TimeEmbedding(8, num_sinusoids=6), torch.rand(2, 3)
    hidden = torch.nn.functional.silu(embedding.up(sinusoids(t, 6)))
    assert torch.equal(embedding(t), embedding.down(hidden))


shifted_sizes = st.integers(1, 4)
COUNTS = {"everywhere": 6, "past": 5, "frame": 4, "nowhere": 0}  # neighbors that are seen
# What each eighth takes, as a step along (f, h, w); the last two stay.
TAKEN = [(0, 0, -1), (0, 0, 1), (0, -1, 0), (0, 1, 0), (-1, 0, 0), (1, 0, 0), (0, 0, 0), (0, 0, 0)]


@given(f=shifted_sizes, h=shifted_sizes, w=shifted_sizes, reach=st.sampled_from([*COUNTS]))
@settings(max_examples=30, deadline=None)
def test_every_eighth_takes_one_neighbor_or_zero(f, h, w, reach):
    x = torch.randn(2, f, h, w, 16)
    y = token_shift(x, reach)
    taken = TAKEN[: COUNTS[reach]] + [(0, 0, 0)] * (8 - COUNTS[reach])
    for eighth, step in enumerate(taken):
        channels = slice(2 * eighth, 2 * eighth + 2)
        for place in torch.cartesian_prod(torch.arange(f), torch.arange(h), torch.arange(w)):
            source = [int(a) + b for a, b in zip(place, step, strict=True)]
            inside = all(0 <= i < n for i, n in zip(source, (f, h, w), strict=True))
            expected = x[:, *source, channels] if inside else torch.zeros(2, 2)
            assert torch.equal(y[:, *place, channels], expected)


@pytest.mark.parametrize("reach", COUNTS)
def test_gradcheck_of_a_shift(reach):
    x = torch.randn(1, 2, 2, 3, 8, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: token_shift(y, reach), (x,))


def test_chunks_are_the_whole():
    x, layer, cache = torch.randn(1, 5, 2, 2, 16), TokenShift("past"), {}
    chunks = [layer(x[:, :2], cache), layer(x[:, 2:3], cache), layer(x[:, 3:], cache)]
    assert torch.equal(torch.cat(chunks, dim=1), token_shift(x, "past"))


def test_the_layer_shifts_as_far_as_it_reaches():
    x = torch.randn(1, 3, 2, 2, 16)
    assert torch.equal(TokenShift()(x), token_shift(x, "everywhere"))
    assert torch.equal(TokenShift("past")(x), token_shift(x, "past"))
    cache = {}
    assert torch.equal(TokenShift("frame")(x, cache), token_shift(x, "frame")) and cache == {}
    assert token_shift(x, "nowhere") is x


turned_sizes = st.integers(1, 5)


@given(f=turned_sizes, h=turned_sizes, w=turned_sizes, head_dim=st.sampled_from([6, 8, 16, 64]))
@settings(max_examples=20, deadline=None)
def test_rotation_keeps_lengths_and_leaves_the_first_token_alone(f, h, w, head_dim):
    angles = rotary_angles((f, h, w), head_dim)
    assert angles.shape == (f * h * w, head_dim // 2)
    x = torch.randn(2, f * h * w, head_dim)
    y = rotate(x, angles)
    torch.testing.assert_close(y.norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(y[:, 0], x[:, 0])


def test_dot_products_depend_on_differences_of_positions_only():
    grid = (4, 4, 4)
    angles = rotary_angles(grid, 16).double()
    q, k = torch.randn(2, 16, dtype=torch.double)
    turned_q = rotate(q.expand(64, 16), angles).view(*grid, 16)
    turned_k = rotate(k.expand(64, 16), angles).view(*grid, 16)
    for step in [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 2, 1)]:
        here = turned_q[0, 0, 0] @ turned_k[step]
        there = turned_q[1, 1, 1] @ turned_k[1 + step[0], 1 + step[1], 1 + step[2]]
        torch.testing.assert_close(here, there)
        assert (here - turned_q[0, 0, 0] @ turned_k[0, 0, 0]).abs() > 1e-6  # and do depend


def test_positions_of_a_part_of_the_grid_are_those_of_the_whole():
    whole = rotary_angles((3, 4, 5), 16).view(3, 4, 5, -1)
    part = rotary_angles((2, 3, 4), 16).view(2, 3, 4, -1)
    assert torch.equal(whole[:2, :3, :4], part)


def test_gradcheck_of_a_rotation():
    x = torch.randn(2, 6, 8, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: rotate(y, rotary_angles((1, 2, 3), 8)), (x,))


def test_a_stream_goes_on_where_it_was():
    whole = rotary_angles((5, 2, 2), 16).view(5, 4, -1)
    assert torch.equal(rotary_angles((3, 2, 2), 16, first_frame=2).view(3, 4, -1), whole[2:])
    assert torch.equal(time_angles(3, 16, first_frame=2), time_angles(5, 16)[2:])
    assert time_angles(5, 16).shape == (5, 8)


def test_a_quarter_of_the_pairs_turns_with_the_frame_and_the_rest_with_row_and_column():
    angles = rotary_angles((4, 3, 5), 16).view(4, 3, 5, 8)
    time, space = torch.tensor([1, 100**-0.5]), 100 ** (-torch.arange(3) / 3)
    torch.testing.assert_close(angles[3, 2, 4], torch.cat([3 * time, 2 * space, 4 * space]))
    torch.testing.assert_close(angles[0, 2, 0], torch.cat([0 * time, 2 * space, 0 * space]))
    later = rotary_angles((1, 1, 1), 16, first_frame=-3)[0]
    torch.testing.assert_close(later, torch.cat([-3 * time, 0 * space, 0 * space]))


def test_along_time_alone_all_pairs_turn_with_the_frame():
    expected = torch.arange(3.0)[:, None] * torch.tensor([1, 100**-0.25, 100**-0.5, 100**-0.75])
    torch.testing.assert_close(time_angles(3, 8), expected)


def test_a_pair_is_a_complex_number_that_is_turned_forward():
    x, angles = torch.randn(2, 5, 8), torch.randn(5, 4)
    turned = torch.complex(x[..., :4], x[..., 4:]) * torch.exp(1j * angles)
    torch.testing.assert_close(rotate(x, angles), torch.cat([turned.real, turned.imag], -1))
