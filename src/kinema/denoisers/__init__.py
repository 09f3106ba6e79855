"""Denoisers: denoiser(x: b c f h w, t: b f, conditions) -> b c f h w. One architecture a file."""

from kinema.denoisers.cost import count_flops, count_parameters, forward_flops
from kinema.denoisers.dit import DiT, DiTConfig

DENOISERS = {"dit": DiT}

__all__ = ["DENOISERS", "DiT", "DiTConfig", "count_flops", "count_parameters", "forward_flops"]
