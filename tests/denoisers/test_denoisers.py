"""What every architecture promises."""

import copy
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.conditions import Conditions, Tokens
from kinema.denoisers import (
    DENOISERS,
    FAMILIES,
    DiTConfig,
    MMDiTConfig,
    UNetConfig,
    UViTConfig,
    make_denoiser,
)
from kinema.errors import UserError

DIT = DiTConfig(channels=3, dim=32, depth=2, num_heads=2, text_dim=8)
MMDIT = MMDiTConfig(channels=3, dim=32, depth=2, num_heads=2, text_dim=8)
UVIT = UViTConfig(channels=3, conv_dim=16, dim=32, depth=2, num_heads=2, text_dim=8)
UNET = UNetConfig(channels=3, dims=(16, 32), num_blocks=1, num_heads=2, text_dim=8)
CONFIGS = {"dit": DIT, "mmdit": MMDIT, "uvit": UVIT, "unet": UNET}
# Every family of `sizes.py`, tiny
TINY = {
    name: make_denoiser(replace(CONFIGS[name.split("-")[0]], **family.options))
    for name, family in FAMILIES.items()
}
ALONE = ("dit-frame", "unet-frame")
CAUSAL = {
    "dit-causal": TINY["dit-causal"],
    "dit chunks of 2": make_denoiser(replace(DIT, attention={"kind": "causal", "chunk": 2})),
    "dit factorized": make_denoiser(
        replace(DIT, attention={"kind": "factorized", "causal": True})
    ),
    "dit windowed": make_denoiser(
        replace(DIT, attention={"kind": "windowed", "window": 1, "causal": True})
    ),
    "dit-recurrent": TINY["dit-recurrent"],
    "uvit": make_denoiser(replace(UVIT, attention="causal")),
    "unet": make_denoiser(replace(UNET, mixer={"kind": "attention", "frames": "causal"})),
    "unet-3d": make_denoiser(replace(UNET, mixer="none", kernel=3, causal=True)),
    "unet-recurrent": TINY["unet-recurrent"],
}  # fmt: skip


def shaken(network):
    """Random weights everywhere: a new network predicts zero, which would prove nothing."""
    torch.manual_seed(0)
    network = copy.deepcopy(network)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


def inputs(batch=2, f=3, h=4, w=4, words=4):
    torch.manual_seed(1)
    mask = torch.arange(words)[None] <= torch.arange(batch)[:, None]
    text = Tokens(torch.randn(batch, words, 8), mask)
    return torch.randn(batch, 3, f, h, w), torch.rand(batch, f), Conditions(text)


def test_every_architecture_is_tested():
    assert set(CONFIGS) == set(DENOISERS)
    assert {type(network) for network in TINY.values()} == set(DENOISERS.values())


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_makes_its_own_architecture(name):
    network = make_denoiser(CONFIGS[name])
    assert type(network) is DENOISERS[name] and network.config == CONFIGS[name]


@pytest.mark.parametrize("name", TINY)
@given(f=st.integers(1, 4), h=st.integers(1, 7), w=st.integers(1, 7), text=st.booleans())
@settings(max_examples=5, deadline=None)
def test_any_size_and_length(name, f, h, w, text):
    x, t, conditions = inputs(1, f, h, w)
    with torch.no_grad():
        assert TINY[name](x, t, conditions if text else None).shape == x.shape


@pytest.mark.parametrize("name", TINY)
def test_a_new_network_predicts_zero(name):
    assert not TINY[name](*inputs()).any()


@pytest.mark.parametrize("name", TINY)
def test_in_half_precision_it_takes_and_gives_the_type_of_its_input(name):
    network, (x, t, conditions) = shaken(TINY[name]), inputs()
    expected = network(x, t, conditions)
    found = network.bfloat16()(x, t, conditions)
    assert found.dtype == x.dtype
    assert (found - expected).norm() < 0.1 * expected.norm()


@pytest.mark.parametrize("name", TINY)
def test_a_row_of_a_batch_is_that_row_alone(name):
    network, (x, t, conditions) = shaken(TINY[name]), inputs(batch=3)
    whole = network(x, t, conditions)
    assert whole.abs().mean() > 0.01
    for i in range(3):
        rows = slice(i, i + 1)
        alone = network(x[rows], t[rows], conditions[rows])
        torch.testing.assert_close(alone, whole[rows], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", TINY)
def test_padding_of_the_text_has_no_influence(name):
    network, (x, t, conditions) = shaken(TINY[name]), inputs()
    padded = Conditions(conditions.text.pad(9))
    torch.testing.assert_close(
        network(x, t, padded), network(x, t, conditions), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("name", TINY)
def test_input_time_and_text_all_matter(name):
    network, (x, t, conditions) = shaken(TINY[name]), inputs()
    y = network(x, t, conditions)
    text = Tokens(conditions.text.tokens + 1, conditions.text.mask)
    for other in [(x + 1, t, conditions), (x, 1 - t, conditions), (x, t, Conditions(text))]:
        assert (network(*other) - y).abs().max() > 1e-4


@pytest.mark.parametrize("name", TINY)
def test_the_time_of_a_frame_reaches_that_frame(name):
    network, (x, t, conditions) = shaken(TINY[name]), inputs(f=5)
    changed = t.clone()
    changed[:, 3] = 1 - t[:, 3]
    moved = (network(x, changed, conditions) - network(x, t, conditions)).abs().amax((0, 1, 3, 4))
    assert moved[3] > 1e-4
    if name in ALONE:
        assert not moved[[0, 1, 2, 4]].any()


@pytest.mark.parametrize("name", ALONE)
def test_frame_by_frame_is_each_frame_alone(name):
    network, (x, t, conditions) = shaken(TINY[name]), inputs(f=3)
    alone = [network(x[:, :, i : i + 1], t[:, i : i + 1], conditions) for i in range(3)]
    whole = network(x, t, conditions)
    torch.testing.assert_close(torch.cat(alone, 2), whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CAUSAL)
def test_a_causal_network_never_sees_the_future(name):
    network, (x, t, conditions) = shaken(CAUSAL[name]), inputs(f=5)
    assert network.is_causal
    changed_x, changed_t = x.clone(), t.clone()
    changed_x[:, :, 2:] = torch.randn_like(x[:, :, 2:])
    changed_t[:, 2:] = torch.rand_like(t[:, 2:])
    before, after = network(x, t, conditions), network(changed_x, changed_t, conditions)
    torch.testing.assert_close(after[:, :, :2], before[:, :, :2], rtol=1e-5, atol=1e-5)
    assert (after[:, :, 2:] - before[:, :, 2:]).abs().max() > 1e-3


@pytest.mark.parametrize("name", CAUSAL)
def test_a_cached_rollout_is_the_whole_pass(name):
    network, (x, t, conditions) = shaken(CAUSAL[name]), inputs(f=7)
    cache, parts = {}, []
    for frames in (slice(0, 2), slice(2, 4), slice(4, 7)):
        # A sampler's step looks at the past and is not remembered
        network(torch.randn_like(x[:, :, frames]), t[:, frames], conditions, dict(cache))
        parts.append(network(x[:, :, frames], t[:, frames], conditions, cache))
    whole = network(x, t, conditions)
    torch.testing.assert_close(torch.cat(parts, 2), whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["dit", "uvit", "unet", "unet-3d", "unet-spacetime"])
def test_a_network_that_sees_the_future_refuses_a_cache(name):
    assert not TINY[name].is_causal
    with pytest.raises(UserError, match="cannot be cached"):
        TINY[name](*inputs(f=4), {})


def test_a_torn_chunk_is_refused():
    network, (x, t, conditions) = CAUSAL["dit chunks of 2"], inputs(f=3)
    network(x, t, conditions, cache := {})
    with pytest.raises(UserError, match="multiples of 2 frames"):
        network(x, t, conditions, cache)


@pytest.mark.parametrize("name", sorted({*TINY} - {*ALONE, *CAUSAL, "dit-chunked"}))
def test_the_others_do_see_the_future(name):
    network, (x, t, conditions) = shaken(TINY[name]), inputs(f=3)
    changed = x.clone()
    changed[:, :, 2] = torch.randn_like(x[:, :, 2])
    assert (network(changed, t, conditions) - network(x, t, conditions))[:, :, 0].abs().max() > 1e-4


@pytest.mark.parametrize("name", TINY)
def test_every_weight_learns_under_bf16_autocast(name):
    network, (x, t, conditions) = shaken(TINY[name]), inputs()
    with torch.autocast("cpu", torch.bfloat16):
        y = network(x, t, conditions)
    assert y.dtype == x.dtype
    y.square().mean().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key


@pytest.mark.parametrize("name", TINY)
def test_a_network_comes_back_from_a_folder(name, tmp_path):
    network = shaken(TINY[name])
    network.save_pretrained(tmp_path)
    again = type(network).from_pretrained(tmp_path)
    assert again.config == network.config
    assert torch.equal(again(*inputs()), network(*inputs()))


@pytest.mark.parametrize("name", TINY)
def test_the_loss_falls_on_a_tiny_problem(name):
    """Predict the clean frames, which are one of two pictures, told by the text."""
    torch.manual_seed(0)
    network = copy.deepcopy(TINY[name])
    pictures, words = torch.randn(2, 3, 1, 4, 4), torch.randn(2, 1, 8)
    optimizer = torch.optim.Adam(network.parameters(), lr=6e-3)
    losses = []
    for _ in range(24):
        which, t = torch.randint(0, 2, (8,)), torch.full((8, 2), 0.9)
        x0 = pictures[which].expand(-1, -1, 2, -1, -1)
        x = 0.1 * x0 + 0.9 * torch.randn_like(x0)
        text = Tokens(words[which], torch.ones(8, 1, dtype=torch.bool))
        loss = (network(x, t, Conditions(text)) - x0).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    # Without the text the best is the mean of the two pictures, whose loss is about a half
    assert sum(losses[-5:]) / 5 < 0.35 * losses[0]
