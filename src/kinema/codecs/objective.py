"""What a video autoencoder is trained for: sharp pixels, true motion, and latents easy to denoise.

The loss is a Charbonnier distance of the pixels, of their differences in space (outlines) and in
time (motion), the KL divergence that keeps the posterior near N(0, 1) (Kingma and Welling 2014),
the equivariance of the latents (EQ-VAE), a perceptual distance, and, where the motion of the clip
is known, how much the error of coding changes along it: an error that travels with the object is
not seen as flicker.
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from kinema.codecs.causal_vae import CausalVAE
from kinema.codecs.equivariance import equivariance, possible
from kinema.codecs.perceptual import Distance, laplacian_distance
from kinema.codecs.posterior import Posterior
from kinema.fields import Positive, Weight
from kinema.motion import fetch


@dataclass(frozen=True)
class CodecLoss:
    """The weights of the parts.

    Attributes:
        pixels: how far every value is off.
        outlines: how far the differences in space are off.
        motion: how far the differences in time are off.
        flow: how much the error changes along the motion of the clip.
        perceptual: the distance of `laplacian_distance`, or of another function.
        kl: the divergence of the posterior from N(0, 1).
        equivariance: how far transformed latents are from decoding to transformed frames.
        softness: the error below which the Charbonnier distance is a squared error (which PSNR
            measures) and above which it is an absolute one (which keeps outlines sharp).
    """

    pixels: Weight = 1.0
    outlines: Weight = 1.0
    motion: Weight = 0.5
    flow: Weight = 0.0
    perceptual: Weight = 0.0
    kl: Weight = 1e-5
    equivariance: Weight = 0.1
    softness: Positive = 0.01


@dataclass
class Reconstruction:
    """Clips on their way through a codec in training.

    Attributes:
        frames: b 3 f h w, as they were.
        posterior: of the latents.
        latents: a sample of it, normalized.
        decoded: b 3 f h w, as they came back.
    """

    frames: Tensor
    posterior: Posterior
    latents: Tensor
    decoded: Tensor


def reconstruct(
    codec: CausalVAE, frames: Tensor, generator: torch.Generator | None = None
) -> Reconstruction:
    """Code clips as training does, with latents drawn from their posterior.

    Args:
        codec: the autoencoder in training.
        frames: b 3 f h w in [-1, 1], any f >= 1.
        generator: draws the sample.
    """
    posterior = codec.posterior(frames)
    latents = codec.normalize(posterior.sample(generator))
    decoded = codec.decode(latents, frames.shape[2], (frames.shape[3], frames.shape[4]))
    return Reconstruction(frames, posterior, latents, decoded)


@dataclass
class PixelMotion:
    """How the pixels of clips move.

    Attributes:
        flow: b f-1 h w 2, from frame t to t+1 on the grid of frame t, in pixels.
        seen: b f-1 h w, where the pixel is still seen in frame t+1.
    """

    flow: Tensor
    seen: Tensor


def codec_loss(
    codec: CausalVAE,
    coded: Reconstruction,
    weights: CodecLoss = CodecLoss(),
    motion: PixelMotion | None = None,
    perceptual: Distance = laplacian_distance,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a batch of clips, and its parts, each of shape (b,) and before its weight.

    Args:
        codec: the autoencoder in training.
        coded: of `reconstruct`.
        weights: of the parts.
        motion: for the part `flow`.
        perceptual: for the part of that name.
        generator: draws the transformation that latents are held to.

    Returns:
        loss (b,), and a dict of detached parts (b,).
    """
    frames, decoded = coded.frames, coded.decoded
    error, softness = decoded - frames, weights.softness
    parts = {
        "pixels": charbonnier(error, softness),
        "outlines": outlines(error, softness),
        "motion": charbonnier(error.diff(dim=2), softness),
        "kl": coded.posterior.kl(),
    }
    if weights.flow and motion is not None and frames.shape[2] > 1:
        parts["flow"] = charbonnier(along(error, motion), softness)
    if weights.perceptual:
        parts["perceptual"] = perceptual(decoded, frames)
    names = possible(codec, frames)
    if weights.equivariance and names:
        name = names[int(torch.randint(len(names), (), generator=generator))]
        difference = equivariance(codec, coded.latents, frames, name)
        parts["equivariance"] = charbonnier(difference, softness)
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


def along(error: Tensor, motion: PixelMotion) -> Tensor:
    """How an error changes where its pixel goes, 0 where the pixel is lost: b c f-1 h w.

    e(t+1, x + flow(x)) - e(t, x): the warping error of Lai et al. 2018, of the error of coding
    instead of the clip, so that coding is not asked to undo the changes of light in the clip.
    """
    batch = error.shape[0]
    later = rearrange(error[:, :, 1:], "b c f h w -> (b f) c h w")
    fetched, valid = fetch(later.float(), rearrange(motion.flow, "b f h w xy -> (b f) h w xy"))
    fetched = rearrange(fetched, "(b f) c h w -> b c f h w", b=batch)
    kept = motion.seen & rearrange(valid, "(b f) h w -> b f h w", b=batch)
    return (fetched - error[:, :, :-1]) * kept[:, None]
