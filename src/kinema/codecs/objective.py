"""What a video autoencoder is trained for: sharp pixels, true motion, and latents easy to denoise.

The loss is a Charbonnier distance of the pixels, of their differences in space (outlines) and in
time (motion), the KL divergence that keeps the posterior near N(0, 1) (Kingma and Welling 2014),
the equivariance of the latents (EQ-VAE), a perceptual distance, and, where the motion of the clip
is known, how much the error of coding changes along it: an error that travels with the object is
not seen as flicker.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from kinema.codecs.causal_vae import CausalVAE
from kinema.codecs.codec import Codec, Posterior
from kinema.fields import Positive, Weight
from kinema.motion import fetch

Transform = Callable[[Tensor, Tensor, tuple[int, int, int]], tuple[Tensor, Tensor]]


def scaled(latents: Tensor, frames: Tensor, factors: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """Averaged over 2 x 2."""
    small = F.avg_pool3d(latents, (1, 2, 2))
    height, width = factors[1] * small.shape[3], factors[2] * small.shape[4]
    return small, F.avg_pool3d(frames, (1, 2, 2))[..., :height, :width]


def turned(latents: Tensor, frames: Tensor, factors: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """Turned by 90 degrees, against the clock."""
    height, width = frames.shape[3] // factors[1], frames.shape[4] // factors[2]
    whole = frames[..., : height * factors[1], : width * factors[2]]
    return latents[..., :height, :width].rot90(1, (3, 4)), whole.rot90(1, (3, 4))


def sped(latents: Tensor, frames: Tensor, factors: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """Every second frame, from pairs of latent frames averaged; the first stands alone."""
    pairs = (latents.shape[2] - 1) // 2
    if factors[0] == 1:
        fast = latents[:, :, : 1 + 2 * pairs : 2]
    else:
        rest = F.avg_pool3d(latents[:, :, 1 : 1 + 2 * pairs], (2, 1, 1))
        fast = torch.cat([latents[:, :, :1], rest], dim=2)
    return fast, frames[:, :, ::2][:, :, : 1 + factors[0] * pairs]


TRANSFORMS: dict[str, Transform] = {"scale": scaled, "turn": turned, "speed": sped}


def possible(codec: Codec, frames: Tensor) -> list[str]:
    """The transformations that clips of this shape are large and long enough for."""
    f, h, w = frames.shape[2:]
    r, p, q = codec.factors
    fits = {"scale": min(h / p, w / q) > 1, "turn": p == q <= min(h, w), "speed": f > 1 + r}
    return [name for name in TRANSFORMS if fits[name]]


def equivariance(codec: Codec, latents: Tensor, frames: Tensor, name: str) -> Tensor:
    """How far transformed latents are from decoding to transformed frames: b 3 f h w."""
    changed, target = TRANSFORMS[name](latents, frames, codec.factors)
    height, width = target.shape[3:]
    return codec.decode(changed, target.shape[2], (height, width)) - target


Distance = Callable[[Tensor, Tensor], Tensor]
"""(b c f h w, b c f h w), both in [-1, 1] -> (b,); 0 for equal clips."""

LEVELS = 4
CALM = 0.05  # the amplitude, of 2 for black against white, below which nothing is amplified
KERNEL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)  # Burt and Adelson 1983


def laplacian_distance(a: Tensor, b: Tensor) -> Tensor:
    """Root mean square difference of the normalized bands, averaged over bands: (b,)."""
    batch = a.shape[0]
    with torch.autocast(a.device.type, enabled=False):  # bf16 would drown calm bands in rounding
        pairs = zip(normalized_bands(frames_of(a)), normalized_bands(frames_of(b)), strict=True)
        squares = [(x - y).square().reshape(batch, -1).mean(dim=1) for x, y in pairs]
    return torch.stack([(square + 1e-8).sqrt() - 1e-4 for square in squares]).mean(dim=0)


def frames_of(clip: Tensor) -> Tensor:
    return rearrange(clip.float(), "b c f h w -> (b f) c h w")


def normalized_bands(image: Tensor) -> Iterator[Tensor]:
    """n c h w -> the bands from fine to coarse, what is left last, each over its amplitude."""
    for _ in range(LEVELS):
        if min(image.shape[2:]) < 4:
            break
        small = blurred(image)[..., ::2, ::2]
        yield normalized(image - F.interpolate(small, image.shape[2:], mode="bilinear"))
        image = small
    yield normalized(image)


def normalized(band: Tensor) -> Tensor:
    """z / (0.05 + the mean of |z| over 5 x 5 pixels)."""
    nearby = F.avg_pool2d(band.abs(), 5, stride=1, padding=2, count_include_pad=False)
    return band / (CALM + nearby)


def blurred(image: Tensor) -> Tensor:
    """The binomial low-pass filter of five taps, down and across."""
    channels = image.shape[1]
    taps = image.new_tensor(KERNEL).expand(channels, 1, 1, 5)
    padded = F.pad(image, (2, 2, 2, 2), mode="replicate")
    across = F.conv2d(padded, taps, groups=channels)
    return F.conv2d(across, taps.transpose(2, 3), groups=channels)


@dataclass(frozen=True)
class CodecLoss:
    """The weights of the parts."""

    pixels: Weight = 1.0  # how far every value is off
    outlines: Weight = 1.0  # how far the differences in space are off
    motion: Weight = 0.5  # how far the differences in time are off
    flow: Weight = 0.0  # how much the error changes along the motion of the clip
    perceptual: Weight = 0.0  # the distance of `laplacian_distance`, or of another function
    kl: Weight = 1e-5  # the divergence of the posterior from N(0, 1)
    # how far transformed latents are from decoding to transformed frames
    equivariance: Weight = 0.1
    # the error below which the Charbonnier distance is a squared error (which PSNR measures) and
    # above which it is an absolute one (which keeps outlines sharp)
    softness: Positive = 0.01


@dataclass
class Reconstruction:
    """Clips on their way through a codec in training."""

    frames: Tensor  # b 3 f h w, as they were
    posterior: Posterior  # of the latents
    latents: Tensor  # a sample of it, normalized
    decoded: Tensor  # b 3 f h w, as they came back


def reconstruct(
    codec: CausalVAE, frames: Tensor, generator: torch.Generator | None = None
) -> Reconstruction:
    """Code clips, b 3 f h w in [-1, 1], with latents drawn from their posterior, as in training."""
    posterior = codec.posterior(frames)
    latents = codec.normalize(posterior.sample(generator))
    decoded = codec.decode(latents, frames.shape[2], (frames.shape[3], frames.shape[4]))
    return Reconstruction(frames, posterior, latents, decoded)


@dataclass
class PixelMotion:
    """How the pixels of clips move."""

    flow: Tensor  # b f-1 h w 2, from frame t to t+1 on the grid of frame t, in pixels
    seen: Tensor  # b f-1 h w, where the pixel is still seen in frame t+1


def codec_loss(
    codec: CausalVAE,
    coded: Reconstruction,
    weights: CodecLoss = CodecLoss(),
    motion: PixelMotion | None = None,
    perceptual: Distance = laplacian_distance,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a batch of clips (b,), and its detached parts (b,), each before its weight.

    The part `flow` needs `motion`; `perceptual` is the distance of the part of that name;
    `generator` draws the transformation that latents are held to.
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
