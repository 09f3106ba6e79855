"""What a video autoencoder is trained for: sharp pixels, true motion, and latents easy to denoise.

The loss is a Charbonnier distance of the pixels, of their differences in space (outlines) and in
time (motion), the KL divergence that keeps the posterior near N(0, 1) (Kingma and Welling 2014),
and a scale equivariance: latents averaged over 2 x 2 must decode to frames averaged over 2 x 2,
which takes out of the latents the high frequencies that a denoiser cannot learn (Kouzelis et al.
2025, EQ-VAE, arXiv 2502.09509).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from kinema.codecs.causal_vae import CausalVAE


@dataclass(frozen=True)
class CodecLoss:
    """The weights of the parts; a part of weight 0 is not computed.

    `softness` is the error below which the Charbonnier distance is a squared error (which PSNR
    measures) and above which it is an absolute one (which keeps outlines sharp).
    """

    pixels: float = 1.0
    outlines: float = 1.0
    motion: float = 0.5
    kl: float = 1e-5
    equivariance: float = 0.1
    softness: float = 0.01


def codec_loss(
    codec: CausalVAE,
    frames: Tensor,
    generator: torch.Generator | None = None,
    weights: CodecLoss = CodecLoss(),
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a batch of clips, and its parts, each of shape (b,) and before its weight.

    Args:
        codec: the autoencoder in training.
        frames: b 3 f h w in [-1, 1], any f >= 1.
        generator: draws the sample of the posterior; the loss is a function of it.
        weights: of the parts.

    Returns:
        loss (b,), and a dict of detached parts (b,).
    """
    posterior = codec.posterior(frames)
    latents = codec.normalise(posterior.sample(generator))
    decoded = codec.decode(latents, frames.shape[2], (frames.shape[3], frames.shape[4]))
    error, softness = decoded - frames, weights.softness
    parts = {
        "pixels": charbonnier(error, softness),
        "outlines": outlines(error, softness),
        "motion": charbonnier(error.diff(dim=2), softness),
        "kl": posterior.kl(),
    }
    if weights.equivariance and min(latents.shape[3:]) > 1:
        parts["equivariance"] = charbonnier(equivariance(codec, latents, frames), softness)
    loss = sum(getattr(weights, name) * part for name, part in parts.items())
    return loss, {name: part.detach() for name, part in parts.items()}


def charbonnier(error: Tensor, softness: float = 0.01) -> Tensor:
    """sqrt(error^2 + softness^2) - softness, averaged per row: L1 that is smooth at 0; (b,).

    0 when there is nothing to average, such as the motion of a single frame.
    """
    if error.numel() == 0:
        return error.new_zeros(error.shape[0])
    return (error.square() + softness**2).sqrt().flatten(1).mean(dim=1) - softness


def outlines(error: Tensor, softness: float = 0.01) -> Tensor:
    """The distance of the spatial gradients: errors cost more where edges are blurred; (b,)."""
    return charbonnier(error.diff(dim=3), softness) + charbonnier(error.diff(dim=4), softness)


def equivariance(codec: CausalVAE, latents: Tensor, frames: Tensor) -> Tensor:
    """How far latents halved in size are from decoding to frames halved in size: b 3 f h w."""
    small = F.avg_pool3d(latents, (1, 2, 2))
    height, width = (codec.factors[1] * small.shape[3], codec.factors[2] * small.shape[4])
    target = F.avg_pool3d(frames, (1, 2, 2))[..., :height, :width]
    decoded = codec.decode(small, frames.shape[2], tuple(target.shape[3:]))
    return decoded - target
