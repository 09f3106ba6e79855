"""The figures that `sizes.py` states behind each size, to the last digit that it states."""

import pytest
import torch

from kinema.denoisers import DENOISERS, SIZES, count_flops, count_parameters

STATED = {  # millions of parameters, GFLOP of a forward pass
    "dit-tiny": (1.6, 0.33),
    "dit-small": (9.1, 1.82),
    "dit-base": (26.8, 5.30),
    "unet-small": (9.1, 3.40),
    "uvit-small": (8.4, 2.05),
}


@pytest.mark.parametrize("name", SIZES)
def test_a_size_costs_what_is_stated(name):
    with torch.device("meta"):
        network = DENOISERS[name.split("-")[0]](SIZES[name])
    flops = count_flops(network, (16, 9, 8, 8), text_tokens=20)
    assert (round(count_parameters(network) / 1e6, 1), round(flops / 1e9, 2)) == STATED[name]


def test_every_architecture_has_a_size():
    assert {name.split("-")[0] for name in SIZES} == set(DENOISERS)
