"""Denoisers: denoiser(x: b c f h w, t: b f, conditions) -> b c f h w. One architecture a file."""

from kinema.denoisers.cost import count_flops, count_parameters, forward_flops
from kinema.denoisers.dit import DiT, DiTConfig
from kinema.denoisers.sizes import SIZES
from kinema.denoisers.unet import UNet, UNetConfig
from kinema.denoisers.uvit import UViT, UViTConfig

DENOISERS = {"dit": DiT, "unet": UNet, "uvit": UViT}

__all__ = [
    "DENOISERS",
    "SIZES",
    "DiT",
    "DiTConfig",
    "UNet",
    "UNetConfig",
    "UViT",
    "UViTConfig",
    "count_flops",
    "count_parameters",
    "forward_flops",
]
