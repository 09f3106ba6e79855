"""Blocks of attention against torch's own, values and gradients, in double precision."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.blocks import blocked_attention
from kinema.blocks.blocked_attention import BlockedAttention, blocks


def random_qkv(queries, keys, batch=2, heads=3, dim=8, dtype=torch.double):
    torch.manual_seed(queries * 100 + keys)
    q = torch.randn(batch, heads, queries, dim, dtype=dtype, requires_grad=True)
    k, v = (torch.randn(batch, heads, keys, dim, dtype=dtype, requires_grad=True) for _ in range(2))
    return q, k, v


def random_mask(kind, queries, keys, batch=2):
    shapes = {"shared": (queries, keys), "padding": (batch, 1, keys), "own": (batch, queries, keys)}
    shape = shapes.get(kind)
    if shape is None:
        return None
    mask = torch.rand(shape) > 0.4
    mask[..., 0] = True  # every query sees something
    return mask


def outputs_and_gradients(attention, qkv, grad):
    out = attention(*qkv)
    return [out, *torch.autograd.grad(out, qkv, grad)]


@given(
    queries=st.integers(1, 40),
    keys=st.one_of(st.integers(1, 40), st.integers(120, 140)),
    kind=st.sampled_from(["none", "shared", "padding", "own"]),
    block=st.sampled_from([1, 50, 700, 2**19]),
)
@settings(max_examples=40)
def test_blocked_attention_is_torchs_attention(queries, keys, kind, block):
    qkv = random_qkv(queries, keys)
    mask = random_mask(kind, queries, keys)
    grad = torch.randn_like(qkv[0])
    theirs_mask = mask[:, None] if kind in ("padding", "own") else mask
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocked_attention, "BLOCK", block)
        ours = outputs_and_gradients(lambda *x: BlockedAttention.apply(*x, mask), qkv, grad)
    theirs = outputs_and_gradients(
        lambda *x: F.scaled_dot_product_attention(*x, attn_mask=theirs_mask), qkv, grad
    )
    for ours_one, theirs_one in zip(ours, theirs, strict=True):
        torch.testing.assert_close(ours_one, theirs_one, rtol=1e-10, atol=1e-12)


def test_blocked_attention_passes_gradcheck():
    mask = torch.ones(4, 4).tril().bool()
    qkv = random_qkv(4, 4, batch=1, heads=2, dim=3)
    assert torch.autograd.gradcheck(lambda *x: BlockedAttention.apply(*x, mask), qkv)


def test_padded_keys_have_no_influence():
    q, k, v = random_qkv(5, 7)
    mask = torch.ones(2, 1, 7, dtype=torch.bool)
    mask[:, :, 4:] = False
    padded = BlockedAttention.apply(q, k, v, mask)
    short = BlockedAttention.apply(q, k[:, :, :4], v[:, :, :4], None)
    torch.testing.assert_close(padded, short, rtol=1e-12, atol=1e-12)


@given(pairs=st.integers(1, 9), queries=st.integers(1, 40), keys=st.integers(1, 40))
def test_blocks_cover_every_query_once_and_stay_small(pairs, queries, keys):
    seen = torch.zeros(pairs, queries)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocked_attention, "BLOCK", 100)
        for block in blocks(pairs, queries, keys):
            seen[block] += 1
            assert seen[block].numel() * keys <= max(100, keys)
    assert (seen == 1).all()
