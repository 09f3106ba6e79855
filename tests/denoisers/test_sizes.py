import pytest
import torch

from kinema.denoisers import (
    DENOISERS,
    FAMILIES,
    SIZES,
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
