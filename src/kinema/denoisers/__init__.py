"""Denoisers: denoiser(x: b c f h w, t: b f, conditions) -> b c f h w. One architecture a file.

A new architecture is a file, a line in DENOISERS, and its families in `sizes.py`.
"""

import functools
import operator
from typing import TYPE_CHECKING, Any

from kinema.denoisers.cost import count_flops, count_parameters, forward_flops
from kinema.denoisers.dit import DiT, DiTConfig
from kinema.denoisers.mmdit import MMDiT, MMDiTConfig
from kinema.denoisers.sizes import FAMILIES, SIZES, named_config
from kinema.denoisers.unet import UNet, UNetConfig
from kinema.denoisers.uvit import UViT, UViTConfig
from kinema.renamed import moved

__all__ = [
    "DENOISERS",
    "DenoiserConfig",
    "FAMILIES",
    "SIZES",
    "DiT",
    "DiTConfig",
    "MMDiT",
    "MMDiTConfig",
    "UNet",
    "UNetConfig",
    "UViT",
    "UViTConfig",
    "count_flops",
    "count_parameters",
    "forward_flops",
    "make_denoiser",
    "named_config",
]

DENOISERS: dict[str, type[Any]] = {"dit": DiT, "mmdit": MMDiT, "unet": UNet, "uvit": UViT}

if TYPE_CHECKING:
    DenoiserConfig = Any
else:  # the union of the configurations, which the command line offers as a choice
    DenoiserConfig = functools.reduce(operator.or_, [d.config_class for d in DENOISERS.values()])


def make_denoiser(config: DenoiserConfig) -> Any:
    """A new network of the architecture whose configuration this is."""
    architectures = {denoiser.config_class: denoiser for denoiser in DENOISERS.values()}
    return architectures[type(config)](config)


MOVED = {
    "Inflated": "kinema.interop",
    "load_mixers": "kinema.interop",
    "save_mixers": "kinema.interop",
}


def __getattr__(name: str) -> object:
    return moved(__name__, MOVED, name)
