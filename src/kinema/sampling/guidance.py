"""Guidance: functions from denoisers to a denoiser."""

from __future__ import annotations

from torch import Tensor

from kinema.sampling.solvers import DenoiseFn


def classifier_free(cond: DenoiseFn, uncond: DenoiseFn, scale: float) -> DenoiseFn:
    """uncond + scale * (cond - uncond) (Ho & Salimans 2022); at scale 1 `cond` alone."""
    if scale == 1:
        return cond

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        base = uncond(x, t)
        return base + scale * (cond(x, t) - base)

    return denoise
