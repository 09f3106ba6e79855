"""Denoisers: denoiser(x: b c f h w, t: b f, conditions) -> b c f h w. One architecture a file."""

from kinema.denoisers.cost import count_flops, count_parameters, forward_flops
from kinema.denoisers.dit import DiT, DiTConfig
from kinema.denoisers.inflated import Inflated
from kinema.denoisers.motion_files import load_mixers, save_mixers
from kinema.denoisers.sizes import SIZES
from kinema.denoisers.unet import UNet, UNetConfig
from kinema.denoisers.uvit import UViT, UViTConfig

__all__ = [
    "DENOISERS",
    "Denoiser",
    "SIZES",
    "DiT",
    "DiTConfig",
    "Inflated",
    "UNet",
    "UNetConfig",
    "UViT",
    "UViTConfig",
    "count_flops",
    "count_parameters",
    "forward_flops",
    "load_mixers",
    "make_denoiser",
    "save_mixers",
]

Denoiser = DiT | UNet | UViT
DENOISERS: dict[str, type[Denoiser]] = {"dit": DiT, "unet": UNet, "uvit": UViT}


def make_denoiser(config: DiTConfig | UNetConfig | UViTConfig) -> Denoiser:
    """A new network of the architecture whose configuration this is."""
    match config:
        case DiTConfig():
            return DiT(config)
        case UNetConfig():
            return UNet(config)
        case UViTConfig():
            return UViT(config)
