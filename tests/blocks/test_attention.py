import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.blocks import blocked_attention
from kinema.blocks.attention import (
    ATTENTION,
    Causal,
    Factorized,
    Full,
    Windowed,
    attend,
    attend_video,
    attention_spec,
)
from kinema.blocks.blocked_attention import BlockedAttention
from kinema.errors import UserError


def random_qkv(queries, keys, batch=2, heads=3, dim=8, dtype=torch.double):
    torch.manual_seed(queries * 100 + keys)
    q = torch.randn(batch, heads, queries, dim, dtype=dtype, requires_grad=True)
    k, v = (torch.randn(batch, heads, keys, dim, dtype=dtype, requires_grad=True) for _ in range(2))
    return q, k, v


def random_mask(kind, queries, keys, batch=2):
    shape = {"none": None, "shared": (queries, keys), "padding": (batch, 1, keys)}[kind]
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
    kind=st.sampled_from(["none", "shared", "padding"]),
    block=st.sampled_from([1, 50, 700, 2**19]),
)
@settings(max_examples=40, deadline=None)
def test_blocked_attention_is_torchs_attention(queries, keys, kind, block):
    qkv = random_qkv(queries, keys)
    mask = random_mask(kind, queries, keys)
    grad = torch.randn_like(qkv[0])
    theirs_mask = mask[:, None] if kind == "padding" else mask
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


@pytest.mark.parametrize("kind", ["none", "shared", "padding"])
def test_bf16_on_a_cpu_takes_the_blocked_way_and_stays_close_to_fp32(kind):
    q, k, v = (x.detach().bfloat16().requires_grad_() for x in random_qkv(50, 50, dim=32))
    mask = random_mask(kind, 50, 50)
    out = attend(q, k, v, mask)
    assert "BlockedAttention" in type(out.grad_fn).__name__
    exact = attend(q.float(), k.float(), v.float(), mask)
    assert (out.float() - exact).abs().max() < 0.03


def test_padded_keys_have_no_influence():
    q, k, v = random_qkv(5, 7)
    mask = torch.ones(2, 1, 7, dtype=torch.bool)
    mask[:, :, 4:] = False
    short = attend(q, k[:, :, :4], v[:, :, :4])
    for attention in (attend, BlockedAttention.apply):
        torch.testing.assert_close(attention(q, k, v, mask), short, rtol=1e-12, atol=1e-12)


def reachable(spec, num_frames, layer=0, tokens=2):
    """(f, f) bool: does output frame i change when input frame j does?"""
    torch.manual_seed(0)
    x = torch.randn(1, 1, num_frames, tokens, 4, dtype=torch.double)
    before = attend_video(x, x, x, spec, layer)
    table = torch.zeros(num_frames, num_frames, dtype=torch.bool)
    for j in range(num_frames):
        changed = x.clone()
        changed[:, :, j] += 1
        after = attend_video(changed, changed, changed, spec, layer)
        table[:, j] = (after - before).abs().amax((0, 1, 3, 4)) > 1e-9
    return table


@pytest.mark.parametrize("num_frames", [1, 5])
def test_each_spec_lets_frames_see_what_it_says(num_frames):
    i, j = torch.arange(num_frames)[:, None], torch.arange(num_frames)
    cases = [
        (Full(), 0, i == i + 0 * j),
        (Factorized(), 0, i == j),
        (Factorized(), 1, i == i + 0 * j),
        (Factorized(causal=True), 1, i >= j),
        (Causal(), 0, i >= j),
        (Causal(chunk=2), 0, i // 2 >= j // 2),
        (Windowed(window=1), 0, (i - j).abs() <= 1),
        (Windowed(window=2, causal=True), 0, (i >= j) & (i - j <= 2)),
    ]
    for spec, layer, expected in cases:
        assert torch.equal(reachable(spec, num_frames, layer), expected), spec


def test_factorized_time_layers_keep_places_apart():
    x = torch.randn(1, 2, 3, 4, 8)
    changed = x.clone()
    changed[:, :, :, 0] += 1
    before, after = (attend_video(y, y, y, Factorized(), 1) for y in (x, changed))
    assert torch.equal(before[:, :, :, 1:], after[:, :, :, 1:])
    assert not torch.equal(before[:, :, :, 0], after[:, :, :, 0])


@pytest.mark.parametrize("kind", ATTENTION)
def test_a_spec_survives_its_dictionary(kind):
    from dataclasses import asdict

    spec = attention_spec(kind)
    assert attention_spec(asdict(spec)) == spec == attention_spec(spec)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [("windwed", "did you mean 'windowed'"), ({"kind": "causal", "size": 3}, "size")],
)
def test_a_wrong_spec_is_named(spec, sentence):
    with pytest.raises(UserError, match=sentence):
        attention_spec(spec)
