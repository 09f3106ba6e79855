"""The contract of denoisers, and what every one of them promises of its ports."""

import copy
from dataclasses import replace

import pytest
import torch

from kinema.conditions import (
    Conditions,
    Grid,
    Port,
    SmallTextEncoder,
    Tokens,
    Vector,
    cat_conditions,
    draw_dropped,
)
from kinema.denoisers import (
    DENOISERS,
    Denoiser,
    DiT,
    DiTConfig,
    MMDiTConfig,
    UNetConfig,
    UViTConfig,
    make_denoiser,
    with_ports,
)
from kinema.errors import UserError
from kinema.interop import Inflated
from kinema.models import SHIPPED

CONFIGS = {
    "dit": DiTConfig(channels=3, dim=32, depth=2, num_heads=2, text_dim=8),
    "dit of 2 frames": DiTConfig(3, dim=32, depth=2, num_heads=2, text_dim=8, patch=(2, 2, 2)),
    "mmdit": MMDiTConfig(channels=3, dim=32, depth=2, num_heads=2, text_dim=8),
    "uvit": UViTConfig(channels=3, conv_dim=16, dim=32, depth=2, num_heads=2, text_dim=8),
    "unet": UNetConfig(channels=3, dims=(16, 32), num_blocks=1, num_heads=2, text_dim=8),
    "unet, half": UNetConfig(
        channels=3, dims=(16, 32), num_blocks=1, num_heads=2, text_dim=8, halves_time=True
    ),
}
PORTS = [Port("depth", "grid", 2), Port("speed", "vector", 4), Port("looks", "tokens", 6)]
NAMES = [port.name for port in PORTS]
every = pytest.mark.parametrize("name", CONFIGS)


def shaken(network):
    """Random weights everywhere: a new network predicts zero, which would prove nothing."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


def inputs(batch=2, f=3, h=5, w=4):
    torch.manual_seed(1)
    mask = torch.arange(4)[None] <= torch.arange(batch)[:, None]
    conditions = Conditions(
        Tokens(torch.randn(batch, 4, 8), mask),
        depth=Grid(torch.randn(batch, 2, f, h, w)),
        speed=Vector(torch.randn(batch, f, 4)),
        looks=Tokens(torch.randn(batch, 5, 6), torch.ones(batch, 5).bool()),
    )
    return torch.randn(batch, 3, f, h, w), torch.rand(batch, f), conditions


def text_only(conditions):
    return Conditions(conditions.text)


# ---- the contract ------------------------------------------------------------------------------


def test_every_architecture_is_tested():
    assert {type(make_denoiser(config)) for config in CONFIGS.values()} == set(DENOISERS.values())


@every
def test_every_architecture_is_a_denoiser(name):
    network = make_denoiser(CONFIGS[name])
    for denoiser in (network, Inflated(make_denoiser(CONFIGS["dit"]))):
        assert isinstance(denoiser, Denoiser)
        assert denoiser.chunk >= 1 and denoiser.is_causal in (True, False)
        assert denoiser.can_forget in (True, False)
    assert network.config == CONFIGS[name]


@every
def test_what_sees_the_future_refuses_a_cache(name):
    network, (x, t, _) = make_denoiser(CONFIGS[name]), inputs()
    assert not network.is_causal
    cache = {}
    with pytest.raises(UserError, match=f"This {type(network).__name__} sees the frames to come"):
        network(x, t, None, cache)
    assert cache == {}


def test_an_inflated_network_refuses_one_too():
    network, (x, t, _) = Inflated(make_denoiser(CONFIGS["dit"])), inputs()
    with pytest.raises(UserError, match="This Inflated sees the frames to come"):
        network(x, t, None, {})


# ---- ports -------------------------------------------------------------------------------------


@every
def test_with_new_ports_a_network_computes_what_it_computed_to_the_last_bit(name):
    network, (x, t, conditions) = shaken(make_denoiser(CONFIGS[name])), inputs()
    ported = with_ports(network, *PORTS)
    before = network(x, t, text_only(conditions))
    assert torch.equal(ported(x, t, text_only(conditions)), before)
    assert torch.equal(ported(x, t, conditions), before)
    assert torch.equal(ported(x, t), network(x, t))


@torch.no_grad()
def test_weights_that_ship_take_ports_and_compute_what_they_computed():
    network = DiT.from_pretrained(SHIPPED / "tabletop" / "denoiser").eval()
    text = SmallTextEncoder.from_pretrained(SHIPPED / "tabletop" / "text")
    ported = with_ports(network, *PORTS)
    torch.manual_seed(0)
    x, t = torch.randn(1, network.config.channels, 3, 8, 8), torch.rand(1, 3)
    prompt = text(["a red ball rolls to the right"])
    depth, speed = Grid(torch.randn(1, 2, 3, 8, 8)), Vector(torch.randn(1, 3, 4))
    looks = Tokens(torch.randn(1, 5, 6), torch.ones(1, 5).bool())
    before = network(x, t, Conditions(prompt))
    assert before.std() > 0.1 and torch.equal(ported(x, t, Conditions(prompt)), before)
    steered = ported(x, t, Conditions(prompt, depth=depth, speed=speed, looks=looks))
    assert torch.equal(steered, before)


@every
def test_ports_add_weights_and_rename_none(name):
    network = make_denoiser(CONFIGS[name])
    before, after = network.state_dict(), with_ports(network, *PORTS).state_dict()
    assert set(before) < set(after)
    assert all("port" in key for key in set(after) - set(before))


@every
def test_a_trained_port_matters_and_what_is_absent_is_as_if_it_had_never_been(name):
    network = shaken(with_ports(make_denoiser(CONFIGS[name]), *PORTS))
    x, t, conditions = inputs()
    whole, none = network(x, t, conditions), network(x, t, text_only(conditions))
    row = torch.tensor([True, False])
    for port in NAMES:
        others = {name: c for name, c in conditions.named.items() if name != port}
        without = network(x, t, Conditions(**others))
        assert (whole - without).abs().max() > 1e-3, port
        dropped = network(x, t, conditions.dropped({port: row}))
        torch.testing.assert_close(dropped[0], without[0], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(dropped[1], whole[1], rtol=1e-5, atol=1e-5)
        weak = network(x, t, conditions.scaled(**{port: 0.0}))
        torch.testing.assert_close(weak, without, rtol=1e-5, atol=1e-5)
    gone = network(x, t, conditions.without(*NAMES))
    torch.testing.assert_close(gone, none, rtol=1e-5, atol=1e-5)


@every
def test_a_row_without_text_is_that_row_in_a_batch_without_text(name):
    network, (x, t, conditions) = shaken(make_denoiser(CONFIGS[name])), inputs()
    conditions = text_only(conditions)
    mixed = network(x, t, conditions.dropped({"text": torch.tensor([True, False])}))
    torch.testing.assert_close(mixed[0], network(x, t)[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(mixed[1], network(x, t, conditions)[1], rtol=1e-5, atol=1e-5)


@every
def test_guidance_for_each_condition_is_one_batch(name):
    network = shaken(with_ports(make_denoiser(CONFIGS[name]), *PORTS))
    x, t, conditions = inputs()
    turns = conditions.in_turn(*NAMES)
    n = len(turns)
    joint = network(torch.cat([x] * n), torch.cat([t] * n), cat_conditions(turns)).chunk(n)
    given = {"text": conditions.text}
    for i, found in enumerate(joint):
        given |= {name: conditions.named[name] for name in NAMES[:i]}
        torch.testing.assert_close(found, network(x, t, Conditions(**given)), rtol=1e-5, atol=1e-5)


@every
def test_ports_are_saved_and_loaded(name, tmp_path):
    network = shaken(with_ports(make_denoiser(CONFIGS[name]), *PORTS))
    x, t, conditions = inputs()
    network.save_pretrained(tmp_path)
    again = type(network).from_pretrained(tmp_path).eval()
    assert again.config == network.config and again.config.ports == tuple(PORTS)
    assert torch.equal(again(x, t, conditions), network(x, t, conditions))


@every
def test_ports_take_half_precision(name):
    network = shaken(with_ports(make_denoiser(CONFIGS[name]), *PORTS))
    x, t, conditions = inputs()
    expected = network(x, t, conditions)
    found = network.bfloat16()(x, t, conditions)
    assert found.dtype == x.dtype and (found - expected).norm() < 0.1 * expected.norm()


def test_a_frame_by_frame_network_has_the_condition_of_each_frame_in_that_frame():
    network = with_ports(make_denoiser(replace(CONFIGS["dit"], attention="framewise")), *PORTS[:2])
    network, (x, t, conditions) = shaken(network), inputs(f=4)
    conditions = Conditions(**{name: conditions.named[name] for name in NAMES[:2]})
    before = network(x, t, conditions)
    for name, values in (("depth", (0, 0, 2, 1, 1)), ("speed", (0, 2, 1))):
        changed = dict(conditions.named)
        moved = changed[name].values.clone()
        moved[values] += 1
        changed[name] = type(changed[name])(moved)
        moved = (network(x, t, Conditions(**changed)) - before).abs().amax((1, 3, 4)) > 1e-5
        assert moved.nonzero().tolist() == [[0, 2]], name


def test_an_inflated_network_gives_each_frame_its_own_conditions():
    image = shaken(with_ports(make_denoiser(CONFIGS["dit"]), *PORTS))
    x, t, conditions = inputs(f=4)
    video = Inflated(copy.deepcopy(image))(x, t, conditions)
    for frame in range(4):
        here = slice(frame, frame + 1)
        alone = Conditions(
            conditions.text,
            depth=Grid(conditions.named["depth"].values[:, :, here]),
            speed=Vector(conditions.named["speed"].values[:, here]),
            looks=conditions.named["looks"],
        )
        found = image(x[:, :, here], t[:, here], alone)
        torch.testing.assert_close(video[:, :, here], found, rtol=1e-5, atol=1e-5)


def test_a_cached_rollout_takes_the_conditions_of_its_frames():
    config = replace(CONFIGS["dit"], attention="causal")
    network = shaken(with_ports(make_denoiser(config), *PORTS))
    x, t, conditions = inputs(f=4)
    cache, parts = {}, []
    for here in (slice(0, 1), slice(1, 4)):
        part = Conditions(
            conditions.text,
            depth=Grid(conditions.named["depth"].values[:, :, here]),
            speed=Vector(conditions.named["speed"].values[:, here]),
            looks=conditions.named["looks"],
        )
        parts.append(network(x[:, :, here], t[:, here], part, cache))
    whole = network(x, t, conditions)
    torch.testing.assert_close(torch.cat(parts, 2), whole, rtol=1e-5, atol=1e-5)


def test_tokens_need_attention():
    with pytest.raises(UserError, match="a port of tokens is read by attention"):
        replace(CONFIGS["unet"], attention_levels=(), ports=PORTS)


# ---- learning ----------------------------------------------------------------------------------


def told(batch, generator):
    """Clips whose three channels are each told by one condition, by three doors."""
    x0 = torch.randn(batch, 3, 2, 1, 1, generator=generator).repeat(1, 1, 1, 2, 2)
    said = x0[:, 2, 0, 0, 0]
    tokens = torch.zeros(batch, 2, 6)
    tokens[:, 0, 0] = said
    x0[:, 2] = said[:, None, None, None]  # tokens speak of the whole clip
    return x0, Conditions(
        depth=Grid(x0[:, :1].repeat(1, 2, 1, 1, 1)),
        speed=Vector(x0[:, 1, :, 0, :1].repeat(1, 1, 4)),
        looks=Tokens(tokens, torch.tensor([[True, False]] * batch)),
    )


def errors(network, x0, conditions):
    """Mean squared error of each channel at pure noise."""
    t = torch.ones(len(x0), x0.shape[2])
    noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        return (network(noise, t, conditions) - x0).square().mean((0, 2, 3, 4))


@pytest.mark.parametrize("name", ["dit", "mmdit", "unet"])
def test_each_door_is_learned_by_one_network_that_serves_every_subset(name):
    torch.manual_seed(0)
    network = make_denoiser(replace(CONFIGS[name], ports=PORTS))
    optimizer = torch.optim.AdamW(network.parameters(), 4e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(80):
        x0, conditions = told(32, generator)
        dropped = draw_dropped(dict.fromkeys(NAMES, 0.3), 32, generator)
        noise = torch.randn(x0.shape, generator=generator)
        loss = network(noise, torch.ones(32, 2), conditions.dropped(dropped)) - x0
        optimizer.zero_grad()
        loss.square().mean().backward()
        optimizer.step()
    x0, conditions = told(64, generator)
    all_given = errors(network, x0, conditions)
    assert all_given.max() < 0.25
    for channel, port in enumerate(NAMES):
        found = errors(network, x0, conditions.without(port))
        assert found[channel] > 0.7  # nobody else can know it
        others = [other for other in range(3) if other != channel]
        assert found[others].max() < 0.25
