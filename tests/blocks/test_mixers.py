from dataclasses import asdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.blocks.attention import Causal, Full, Hybrid, Windowed
from kinema.blocks.mixers import (
    MIXERS,
    AnimateDiff,
    Attention,
    Convolution,
    GatedRecurrence,
    Pseudo3D,
    Recurrence,
    TemporalAttention,
    TemporalConvolution,
    Unmixed,
    chunk_of,
    make_mixer,
    mixer_spec,
)
from kinema.blocks.transformer import time_angles
from kinema.errors import UserError

DIM = 16
CAUSAL = [
    Unmixed(),
    Attention(Causal()),
    Attention(Causal(chunk=2)),
    Attention(Windowed(2, causal=True)),
    Attention(Hybrid(2, 3, causal=True)),
    Convolution(causal=True),
    Convolution(kernel=4, causal=True),
    Pseudo3D(causal=True),
    Recurrence(),
]
SPECS = [
    *CAUSAL,
    Attention(Full()),
    Attention(Windowed(2)),
    Attention(Hybrid(1, 3)),
    Convolution(kernel=5),
    Pseudo3D(),
    AnimateDiff(num_heads=4, num_groups=4),
]


def trained(spec):
    """A mixer whose weights are all random, so that it does something."""
    torch.manual_seed(0)
    mixer = make_mixer(spec, DIM)
    for parameter in mixer.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return mixer.eval()


def clip(num_frames, batch=1):
    return torch.randn(batch, num_frames, 2, 3, DIM)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_new_mixer_changes_nothing_at_all(spec):
    x = clip(5, batch=2)
    assert torch.equal(make_mixer(spec, DIM)(x), x)


@pytest.mark.parametrize("spec", SPECS[1:], ids=str)
def test_a_trained_mixer_lets_frames_see_each_other_and_a_causal_one_only_the_past(spec):
    mixer, x = trained(spec), clip(6)
    changed = x.clone()
    changed[:, 2:4] += 1
    with torch.no_grad():
        moved = (mixer(changed) - mixer(x)).abs().amax((0, 2, 3, 4)) > 1e-6
    assert moved[2:5].all()  # the next frame sees it too
    assert not (spec.causal and moved[:2].any())


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("num_frames", [1, 7])
def test_a_row_of_a_batch_is_that_row_alone(spec, num_frames):
    mixer, x = trained(spec), clip(num_frames, batch=3)
    with torch.no_grad():
        torch.testing.assert_close(mixer(x)[1:2], mixer(x[1:2]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spec", CAUSAL, ids=str)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_a_stream_equals_the_whole(spec, data):
    chunk = getattr(getattr(spec, "frames", None), "chunk", 1)
    lengths = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=6))
    mixer, x = trained(spec), clip(chunk * sum(lengths), batch=2)
    cache = {}
    with torch.no_grad():
        parts = [mixer(part, cache) for part in x.split([chunk * n for n in lengths], dim=1)]
        torch.testing.assert_close(torch.cat(parts, 1), mixer(x), rtol=1e-5, atol=1e-5)


def test_a_copy_of_the_cache_looks_without_being_remembered():
    mixer, x, cache = trained(Attention(Causal())), clip(4), {}
    mixer(x[:, :2], cache)
    mixer(torch.randn_like(x[:, 2:]), dict(cache))  # a noisy look
    torch.testing.assert_close(mixer(x[:, 2:], cache), mixer(x)[:, 2:], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spec", [spec for spec in SPECS if not spec.causal], ids=str)
def test_what_sees_the_future_cannot_stream(spec):
    with pytest.raises(UserError):
        make_mixer(spec, DIM)(clip(3), {})


@pytest.mark.parametrize("kind", MIXERS)
def test_a_spec_survives_its_dictionary(kind):
    spec = mixer_spec(kind)
    assert mixer_spec(asdict(spec)) == spec == mixer_spec(spec)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("atention", "did you mean 'attention'"),
        ({"kind": "convolution", "size": 3}, "size"),
        (Attention(num_heads=3), "num_heads"),
    ],
)
def test_a_wrong_spec_is_named(spec, sentence):
    with pytest.raises(UserError, match=sentence):
        make_mixer(spec, DIM)


@pytest.mark.parametrize("frames", ["factorized", "framewise"])
def test_attention_that_joins_no_frames_is_no_mixer(frames):
    with pytest.raises(UserError, match=f"{frames} attention begins within each"):
        Attention(frames)


def test_an_even_kernel_has_no_middle():
    with pytest.raises(UserError, match="odd"):
        Convolution(kernel=4)


def test_gradients_reach_every_parameter_once_the_way_out_has_moved():
    for spec in SPECS[1:]:
        mixer = trained(spec)
        mixer(clip(4)).square().mean().backward()
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in mixer.parameters()), spec


def test_without_options_a_mixer_is_what_the_documentation_says():
    assert Attention() == Attention(Full(), num_heads=4)
    assert Convolution() == Convolution(kernel=3, causal=False)
    assert Pseudo3D() == Pseudo3D(kernel=3, causal=False)
    animate_diff = AnimateDiff(num_heads=8, num_layers=1, max_frames=32, num_groups=32)
    assert AnimateDiff() == animate_diff and animate_diff.kind == "motion"
    assert [spec.causal for spec in (Unmixed(), Recurrence(), AnimateDiff())] == [True, True, False]


def test_a_cache_takes_the_frames_of_a_chunk_together():
    assert chunk_of(Attention(Causal(chunk=3))) == 3
    assert chunk_of(Attention(Windowed(2, causal=True))) == chunk_of(Recurrence()) == 1


@torch.no_grad()
def test_places_stay_apart_and_only_differences_of_time_count():
    torch.manual_seed(0)
    mixer = TemporalAttention(16, 2, Full())
    torch.nn.init.normal_(mixer.attention.out.weight)
    x = torch.randn(1, 4, 2, 2, 16)
    changed = x.clone()
    changed[:, 0, 0, 0] += 1
    moved = (mixer(changed) - mixer(x)).abs().amax((0, 4)) > 1e-6  # f h w
    assert moved[:, 0, 0].all() and moved.sum() == 4
    backward = mixer(x.flip(1)).flip(1)  # a clip played backward is another clip
    assert not torch.allclose(backward, mixer(x), atol=1e-3)


@torch.no_grad()
def test_it_adds_what_attention_finds_along_time_at_each_place():
    mixer = TemporalAttention(16, 2, Full())
    torch.nn.init.normal_(mixer.attention.out.weight)
    x = torch.randn(2, 4, 2, 3, 16)
    found, angles = mixer(x), time_angles(4, 8)
    for row, i, j in torch.cartesian_prod(*map(torch.arange, (2, 2, 3))):
        sequence = x[row, :, i, j][None, :, None]  # 1 f 1 d
        expected = sequence + mixer.attention(mixer.norm(sequence), angles)
        torch.testing.assert_close(found[row, :, i, j], expected[0, :, 0], rtol=1e-5, atol=1e-5)


def reach(mixer):
    """Where an impulse in the middle of a clip of 7 frames of 5x5 places is felt: bool f h w."""
    torch.nn.init.normal_(mixer.time.taps.weight)
    x = torch.randn(1, 7, 5, 5, 8)
    changed = x.clone()
    changed[:, 3, 2, 2] += 1
    with torch.no_grad():
        return (mixer(changed) - mixer(x)).abs().amax((0, 4)) > 1e-6


def test_a_convolution_in_time_sees_its_kernel_at_its_own_place():
    moved = reach(TemporalConvolution(8, 5, causal=False))
    assert moved[:, 2, 2].tolist() == [False, True, True, True, True, True, False]
    assert moved.sum() == 5
    moved = reach(TemporalConvolution(8, 3, causal=True))
    assert moved[:, 2, 2].tolist() == [False, False, False, True, True, True, False]


def test_a_pseudo_3d_convolution_sees_the_neighbors_too():
    moved = reach(TemporalConvolution(8, 3, causal=False, in_space=True))
    assert moved[2:5, 1:4, 1:4].all() and moved.sum() == 27


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
