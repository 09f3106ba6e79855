import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from kinema.conditions import Conditions, Tokens
from kinema.denoisers import (
    DENOISERS,
    FAMILIES,
    SIZES,
    DiT,
    DiTConfig,
    count_flops,
    count_parameters,
    make_denoiser,
    named_config,
)
from kinema.errors import UserError


def test_every_architecture_has_a_family_and_every_family_all_sizes():
    assert {family.config for family in FAMILIES.values()} == {
        network.config_class for network in DENOISERS.values()
    }
    for family in FAMILIES.values():
        assert list(family.sizes) == ["tiny", "small", "base", "large", "xl"]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_larger_size_has_at_least_twice_the_parameters(name):
    with torch.device("meta"):
        sizes = [make_denoiser(SIZES[f"{name}-{size}"]) for size in ("tiny", "small", "base")]
    counts = [count_parameters(network) for network in sizes]
    assert all(2 * a < b for a, b in zip(counts, counts[1:], strict=False))


def test_a_name_gives_a_configuration_of_its_own():
    config = named_config("dit-tiny")
    assert config == SIZES["dit-tiny"] and config is not SIZES["dit-tiny"]
    assert named_config("mmdit") == SIZES["mmdit-small"]


@pytest.mark.parametrize(("name", "close"), [("dit-smal", "dit-small"), ("unett", "unet")])
def test_an_unknown_name_meets_its_nearest(name, close):
    with pytest.raises(UserError, match=f"no denoiser '{name}'; did you mean '{close}'"):
        named_config(name)


def test_flops_of_a_dit_by_hand():
    c, f, h, w, d, depth, m, e = 4, 3, 4, 6, 32, 2, 5, 8
    network = DiT(DiTConfig(channels=c, dim=d, depth=depth, num_heads=2, text_dim=e))
    n = f * h * w // 4
    layer = n * d * (3 * d + d + 8 * d) + 2 * n * n * d  # self-attention and MLP
    layer += 2 * n * d * d + 2 * m * d * d + 2 * n * m * d  # cross-attention
    ends = 2 * n * 4 * c * d + m * e * d + d * d  # patches in and out, text
    vectors = f * (256 * d + d * d + d * (6 * depth + 2) * d)
    assert count_flops(network, (c, f, h, w), m) == 2 * (depth * layer + ends + vectors)


def test_flops_are_those_of_a_real_pass():
    network = DiT(DiTConfig(channels=4, dim=32, depth=2, num_heads=2, text_dim=8))
    conditions = Conditions(Tokens(torch.randn(1, 5, 8), torch.ones(1, 5, dtype=torch.bool)))
    with FlopCounterMode(display=False) as counter, torch.autocast("cpu", torch.bfloat16):
        network(torch.randn(1, 4, 3, 4, 6), torch.rand(1, 3), conditions)
    assert counter.get_total_flops() == count_flops(network, (4, 3, 4, 6), 5)


def test_parameters_that_do_not_learn_do_not_count():
    linear = torch.nn.Linear(3, 2)
    linear.bias.requires_grad_(False)
    assert count_parameters(linear) == 6
