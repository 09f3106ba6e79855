from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from kinema.blocks.attention import (
    ATTENTION,
    Causal,
    Factorized,
    Framewise,
    Full,
    Hybrid,
    Windowed,
    attend,
    attend_video,
    attention_spec,
    count_pairs,
    frame_groups,
)
from kinema.errors import UserError


def random_qkv(queries, keys, dtype=torch.double):
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, n, 32, dtype=dtype) for n in (queries, keys, keys))
    return q.requires_grad_(), k, v


@pytest.mark.parametrize("shape", [(50, 50), (2, 1, 50), (2, 50, 50)])
def test_bf16_on_a_cpu_takes_the_blocked_way_and_stays_close_to_fp32(shape):
    qkv = random_qkv(50, 50, torch.bfloat16)
    mask = torch.rand(shape) > 0.4
    mask[..., 0] = True  # every query sees something
    out = attend(*qkv, mask)
    assert "BlockedAttention" in type(out.grad_fn).__name__
    exact = attend(*(x.float() for x in qkv), mask)
    assert (out.float() - exact).abs().max() < 0.03


def test_padded_keys_have_no_influence():
    q, k, v = random_qkv(5, 7)
    mask = torch.ones(2, 1, 7, dtype=torch.bool)
    mask[:, :, 4:] = False
    short = attend(q, k[:, :, :4], v[:, :, :4])
    torch.testing.assert_close(attend(q, k, v, mask), short, rtol=1e-12, atol=1e-12)


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
        (Framewise(), 0, i == j),
        (Framewise(), 1, i == j),
        (Factorized(), 0, i == j),
        (Factorized(), 1, i == i + 0 * j),
        (Factorized(causal=True), 1, i >= j),
        (Causal(), 0, i >= j),
        (Causal(chunk=2), 0, i // 2 >= j // 2),
        (Windowed(window=1), 0, (i - j).abs() <= 1),
        (Windowed(window=2, causal=True), 0, (i >= j) & (i - j <= 2)),
        (Hybrid(window=1, stride=3), 0, ((i - j).abs() <= 1) | (j % 3 == 0)),
        (Hybrid(1, 2, causal=True), 0, (i >= j) & ((i - j <= 1) | (j % 2 == 0))),
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
    spec = attention_spec(kind)
    assert attention_spec(asdict(spec)) == spec == attention_spec(spec)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [("windwed", "did you mean 'windowed'"), ({"kind": "causal", "size": 3}, "size")],
)
def test_a_wrong_spec_is_named(spec, sentence):
    with pytest.raises(UserError, match=sentence):
        attention_spec(spec)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"kind": "windowed", "window": -1}, "'windowed': window is -1"),
        ({"kind": "causal", "chunk": 0}, "'causal': chunk is 0, and must be 1 or more"),
        ({"kind": "hybrid", "stride": 0}, "'hybrid': stride is 0"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(spec, sentence):
    with pytest.raises(UserError, match=sentence):
        attention_spec(spec)


SPECS = [
    Full(), Factorized(), Factorized(causal=True), Causal(), Causal(chunk=2), Windowed(1),
    Windowed(2, causal=True), Hybrid(1, 3), Hybrid(1, 3, causal=True),
]  # fmt: skip


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_pairs_are_counted_as_the_formula_says(spec):
    f, n = 7, 5
    frames = np.arange(f)
    seen = int(spec.sees(frames[:, None], frames).sum())
    formulas = {
        "all": n * n * seen,
        "space": f * n * n,
        "time": n * seen,
    }
    for layer in (0, 1):
        assert count_pairs(spec, f, n, layer) == formulas[spec.pattern(layer)]
    # and the closed forms, for f frames of n tokens
    closed = {"full": (f * n) ** 2, "factorized": f * n * n, "windowed": n * n * (3 * f - 2)}
    if spec in (Full(), Factorized(), Windowed(1)):
        assert count_pairs(spec, f, n) == closed[spec.kind]


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("layer", [0, 1])
def test_of_large_frames_nothing_is_computed_but_what_is_seen(spec, layer):
    f, n, d = 6, 600, 16
    q = torch.empty(1, 2, f, n, d, device="meta")
    with FlopCounterMode(display=False) as counter:
        attend_video(q, q, q, spec, layer)
    pairs = count_pairs(spec, f, n, layer)
    if spec.pattern(layer) == "time":  # frames of one token share a mask
        pairs = n * f * f
    assert counter.get_total_flops() == 4 * d * 2 * pairs


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize(("f", "tokens"), [(20, 1), (20, 40), (5, 300)])
def test_groups_give_what_one_mask_gives(spec, f, tokens):
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, 2, f, tokens, 8) for _ in "qkv")
    frames = np.arange(f)
    mask = torch.from_numpy(spec.sees(frames[:, None], frames))
    mask = mask.repeat_interleave(tokens, 0).repeat_interleave(tokens, 1)
    flat = (x.flatten(2, 3) for x in (q, k, v))
    expected = attend(*flat, mask).unflatten(2, (f, tokens))
    groups = frame_groups(spec, tuple(range(f)), tuple(range(f)), tokens)
    assert [g.queries.start for g in groups[1:]] == [g.queries.stop for g in groups[:-1]]
    if spec.pattern(0) == "all":
        torch.testing.assert_close(attend_video(q, k, v, spec), expected, rtol=1e-4, atol=1e-5)


def test_a_window_of_nothing_is_the_frame_itself():
    assert torch.equal(reachable(Windowed(0), 4), torch.eye(4).bool())
    assert torch.equal(reachable(Hybrid(0, 3), 4), torch.eye(4).bool() | (torch.arange(4) % 3 == 0))


def test_without_options_a_spec_is_what_the_documentation_says():
    assert Causal() == Causal(chunk=1) and Factorized() == Factorized(causal=False)
    assert Windowed() == Windowed(window=4, causal=False)
    assert Hybrid() == Hybrid(window=4, stride=8, causal=False)
    assert [spec for spec in SPECS if spec.sees_all] == [Full(), Factorized()]
    assert {spec.kind: spec.chunk for spec in (Full(), Framewise(), Causal(3), Hybrid())} == {
        "full": 1, "framewise": 1, "causal": 3, "hybrid": 1,
    }  # fmt: skip


@pytest.mark.parametrize(("spec", "count"), [(Full(), 1), (Causal(chunk=3), 2), (Causal(), 6)])
def test_frames_that_see_the_same_are_attended_together(spec, count):
    frames = tuple(range(6))
    groups = frame_groups(spec, frames, frames, 600)
    assert len(groups) == count
    assert all(isinstance(group.keys, slice) and group.mask is None for group in groups)


def test_the_first_layer_is_meant_unless_another_is_named():
    q = torch.randn(1, 2, 3, 4, 8)
    for spec in (Factorized(), Factorized(causal=True)):
        assert torch.equal(attend_video(q, q, q, spec), attend_video(q, q, q, spec, layer=0))
        assert not torch.equal(attend_video(q, q, q, spec), attend_video(q, q, q, spec, layer=1))
        assert count_pairs(spec, 3, 4) == count_pairs(spec, 3, 4, layer=0) == 3 * 4 * 4
