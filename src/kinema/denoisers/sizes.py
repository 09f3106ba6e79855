"""Named configurations, FAMILY-SIZE: what a family is, and how wide and deep its sizes are.

`kinema denoisers` prints the parameters and the operations of each.
"""

import copy
import itertools
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from kinema.blocks.attention import Causal, Factorized, Framewise
from kinema.blocks.mixers import Recurrence, Unmixed
from kinema.conditions import Conditions, Tokens
from kinema.denoisers.dit import DiTConfig
from kinema.denoisers.mmdit import MMDiTConfig
from kinema.denoisers.unet import UNetConfig
from kinema.denoisers.uvit import UViTConfig
from kinema.errors import UserError, nearest

Options = dict[str, Any]

TRANSFORMER: dict[str, Options] = {
    "tiny": {"dim": 128, "depth": 4, "num_heads": 2},
    "small": {"dim": 256, "depth": 6, "num_heads": 4},
    "base": {"dim": 384, "depth": 8, "num_heads": 6},
    "large": {"dim": 768, "depth": 12, "num_heads": 12},
    "xl": {"dim": 1152, "depth": 28, "num_heads": 18},
}
JOINT: dict[str, Options] = {  # two streams: twice the weights a layer
    "tiny": {"dim": 96, "depth": 4, "num_heads": 2},
    "small": {"dim": 192, "depth": 6, "num_heads": 3},
    "base": {"dim": 320, "depth": 6, "num_heads": 5},
    "large": {"dim": 576, "depth": 12, "num_heads": 9},
    "xl": {"dim": 960, "depth": 22, "num_heads": 15},
}
UNET: dict[str, Options] = {
    "tiny": {"dims": (64, 96), "num_blocks": 1},
    "small": {"dims": (128, 224), "num_blocks": 2},
    "base": {"dims": (128, 256, 384), "num_blocks": 2, "attention_levels": (1, 2)},
    "large": {"dims": (256, 512, 768), "num_blocks": 3, "attention_levels": (1, 2)},
    "xl": {"dims": (512, 1024, 1536), "num_blocks": 4, "attention_levels": (1, 2)},
}
UNET_3D: dict[str, Options] = {  # a convolution of 3x3x3 holds three of 3x3
    "tiny": {"dims": (64, 64), "num_blocks": 1},
    "small": {"dims": (96, 192), "num_blocks": 2},
    "base": {"dims": (96, 192, 320), "num_blocks": 2, "attention_levels": (1, 2)},
    "large": {"dims": (192, 384, 576), "num_blocks": 3, "attention_levels": (1, 2)},
    "xl": {"dims": (384, 768, 1088), "num_blocks": 4, "attention_levels": (1, 2)},
}
UNET_COARSE: dict[str, Options] = {  # with a mixer at the coarsest level only
    size: {**widths, "mixer_levels": (len(widths["dims"]) - 1,)} for size, widths in UNET_3D.items()
}
UVIT: dict[str, Options] = {
    "tiny": {"conv_dim": 64, "dim": 128, "depth": 3, "num_heads": 2},
    "small": {"conv_dim": 96, "dim": 256, "depth": 5, "num_heads": 4},
    "base": {"conv_dim": 128, "num_blocks": 2, "dim": 384, "depth": 7, "num_heads": 6},
    "large": {"conv_dim": 192, "num_blocks": 2, "dim": 768, "depth": 11, "num_heads": 12},
    "xl": {"conv_dim": 256, "num_blocks": 3, "dim": 1152, "depth": 27, "num_heads": 18},
}


class Family(NamedTuple):
    """A configuration class, what makes the family, and its sizes."""

    about: str
    config: type[Any]
    options: Options
    sizes: dict[str, Options]


FAMILIES = {
    "dit": Family("transformer, full attention, reads text by cross-attention",
                  DiTConfig, {}, TRANSFORMER),
    "dit-frame": Family("the same, frame by frame: the flicker baseline",
                        DiTConfig, {"attention": Framewise()}, TRANSFORMER),
    "dit-factorized": Family("the same, within frames and along time in turns",
                             DiTConfig, {"attention": Factorized()}, TRANSFORMER),
    "dit-causal": Family("the same, sees the past only; streams from a cache",
                         DiTConfig, {"attention": Causal()}, TRANSFORMER),
    "dit-chunked": Family("the same, three frames at a time",
                          DiTConfig, {"attention": Causal(chunk=3)}, TRANSFORMER),
    "dit-recurrent": Family("the same, frames joined by a gated recurrence; streams",
                            DiTConfig, {"attention": Framewise(), "mixer": Recurrence()},
                            TRANSFORMER),
    "mmdit": Family("transformer, text and video in one attention", MMDiTConfig, {}, JOINT),
    "uvit": Family("convolutions around a transformer", UViTConfig, {}, UVIT),
    "unet": Family("factorized U-Net, attention along time", UNetConfig, {}, UNET),
    "unet-frame": Family("the same, frame by frame: the flicker baseline",
                         UNetConfig, {"mixer": Unmixed()}, UNET),
    "unet-3d": Family("the same, convolutions of 3x3x3 instead",
                      UNetConfig, {"mixer": Unmixed(), "kernel": 3}, UNET_3D),
    "unet-spacetime": Family("the same, halves time too, attends where least is left",
                             UNetConfig, {"kernel": 3, "halves_time": True}, UNET_COARSE),
    "unet-recurrent": Family("the same, frames joined by a gated recurrence; streams",
                             UNetConfig, {"mixer": Recurrence()}, UNET),
}  # fmt: skip
SIZES: dict[str, Any] = {
    f"{name}-{size}": family.config(**family.options, **widths)
    for name, family in FAMILIES.items()
    for size, widths in family.sizes.items()
}
DEFAULT_SIZE = "small"


def named_config(name: str) -> Any:
    """A new configuration by its name, `dit-base`; a family alone is its small one.

    Raises:
        UserError: if there is none of this name; it names the nearest.
    """
    full = f"{name}-{DEFAULT_SIZE}" if name in FAMILIES else name
    if full not in SIZES:
        hint = nearest(name, list(itertools.chain(SIZES, FAMILIES)))
        raise UserError(f"There is no denoiser {name!r}; {hint}")
    return copy.deepcopy(SIZES[full])


def count_parameters(network: nn.Module) -> int:
    """Numbers that training changes."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def forward_flops(network: nn.Module, *inputs: Any) -> int:
    """Operations (two a multiply-add) of the matrix products and convolutions of a forward pass.

    Nothing is computed: a copy of the network runs on the meta device, and so do those inputs that
    have a `.to` (tensors, conditions).
    """
    network = copy.deepcopy(network).to("meta")
    inputs = tuple(x.to("meta") if hasattr(x, "to") else x for x in inputs)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*inputs)
    return counter.get_total_flops()


def count_flops(denoiser: nn.Module, shape: tuple[int, int, int, int], text_tokens: int = 0) -> int:
    """Operations of a denoiser's forward pass on one sample; a training step costs three times it.

    The sample is (c, f, h, w), its prompt `text_tokens` long; 0 is none.
    """
    x, t = torch.zeros(1, *shape), torch.zeros(1, shape[1])
    text = None
    if text_tokens:
        tokens = torch.zeros(1, text_tokens, denoiser.config.text_dim)
        text = Tokens(tokens, torch.ones(1, text_tokens, dtype=torch.bool))
    return forward_flops(denoiser, x, t, Conditions(text))
