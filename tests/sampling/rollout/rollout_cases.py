"""Every strategy at a small size, and a denoiser in which every frame depends on all the others."""

import torch

from kinema.sampling import plans
from kinema.sampling.rollout import (
    Autoregressive,
    Blend,
    FrameNoise,
    Keyframes,
    Rolling,
    RolloutSetup,
    Sliding,
    Splice,
    Whole,
)

STRATEGIES = {
    "whole": Whole(),
    "sliding": Sliding(5, 2),
    "sliding, noised": Sliding(5, 2, level=0.3),
    "crossfade": Sliding(6, 2, fade=2),
    "splice": Splice(4, 1),
    "rolling": Rolling(5, history=1, chunk=2),
    "autoregressive": Autoregressive(2, context=3, sinks=1, level=0.1, guidance=1.5),
    "keyframes": Keyframes(Sliding(3, 1), stride=2, window=5),
    "blend": Blend(5, 3),
}


def denoise(x, t):
    """Mixes frames and times, so that every frame depends on all the others."""
    return torch.tanh(x.roll(1, 2) + 0.5 * x) * (1.1 - t[:, None, :, None, None].to(x))


def rollout_setup(denoise=denoise, num_steps=4, block=1, device="cpu", **options) -> RolloutSetup:
    noise = FrameNoise([3, 9], (2, 2, 2), block, like=torch.empty(0, device=device))
    return RolloutSetup(denoise, noise, plans.times(num_steps, shift=2.0), **options)
