"""Denoisers: denoiser(x: b c f h w, t: b f, conditions) -> b c f h w. One architecture a file.

A new architecture is a file, a line in DENOISERS, and its families in `sizes.py`.
"""

from typing import Any

from kinema.denoisers.denoiser import Denoiser, with_ports
from kinema.denoisers.dit import DiT, DiTConfig
from kinema.denoisers.mmdit import MMDiT, MMDiTConfig
from kinema.denoisers.sizes import (
    FAMILIES,
    SIZES,
    count_flops,
    count_parameters,
    forward_flops,
    named_config,
)
from kinema.denoisers.unet import UNet, UNetConfig
from kinema.denoisers.uvit import UViT, UViTConfig
from kinema.renamed import moved

__all__ = [
    "DENOISERS",
    "Denoiser",
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
    "with_ports",
]

DenoiserConfig = DiTConfig | MMDiTConfig | UNetConfig | UViTConfig
DENOISERS: dict[str, type[DiT | MMDiT | UNet | UViT]] = {
    "dit": DiT,
    "mmdit": MMDiT,
    "unet": UNet,
    "uvit": UViT,
}


def make_denoiser(config: DenoiserConfig) -> DiT | MMDiT | UNet | UViT:
    """Make a new network of the architecture whose configuration this is."""
    architectures: dict[type, Any] = {
        network.config_class: network for network in DENOISERS.values()
    }
    made: DiT | MMDiT | UNet | UViT = architectures[type(config)](config)
    return made


MOVED = {
    "Inflated": "kinema.interop",
    "load_mixers": "kinema.interop",
    "save_mixers": "kinema.interop",
}


def __getattr__(name: str) -> object:
    return moved(__name__, MOVED, name)
