"""What a network costs: floating-point operations from shapes alone, and parameters.

MFU (Chowdhery et al. 2022, PaLM, appendix B) is these operations over the time of the step and the
matrix ceiling of the machine; work that a faster implementation repeats does not count.
"""

import copy
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from kinema.conditions import Conditions, Tokens


def count_parameters(network: nn.Module) -> int:
    """Numbers that training changes."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def forward_flops(network: nn.Module, *inputs: Any) -> int:
    """Operations (two a multiply-add) of the matrix products and convolutions of a forward pass.

    Nothing is computed: a copy of the network runs on the meta device.

    Args:
        network: any network.
        inputs: its arguments; those with a `.to` (tensors, conditions) are moved there.
    """
    network = copy.deepcopy(network).to("meta")
    inputs = tuple(x.to("meta") if hasattr(x, "to") else x for x in inputs)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*inputs)
    return counter.get_total_flops()


def count_flops(denoiser: nn.Module, shape: tuple[int, int, int, int], text_tokens: int = 0) -> int:
    """Operations of a denoiser's forward pass on one sample; a training step costs three times it.

    Args:
        denoiser: a network of this room.
        shape: (c, f, h, w) of the sample.
        text_tokens: length of the prompt; 0 for none.
    """
    x, t = torch.zeros(1, *shape), torch.zeros(1, shape[1])
    text = None
    if text_tokens:
        tokens = torch.zeros(1, text_tokens, denoiser.config.text_dim)
        text = Tokens(tokens, torch.ones(1, text_tokens, dtype=torch.bool))
    return forward_flops(denoiser, x, t, Conditions(text))
