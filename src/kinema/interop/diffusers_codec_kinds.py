"""What differs between the autoencoders of diffusers, in one table: KINDS.

Everything that a class does in its own way stands in its row: how much it compresses, which of its
statistics its pipeline applies, how it is called, and whether it can go on where it stopped. The
statistics are those of the latents that a denoiser of that pipeline works on; `pipeline` names the
file of diffusers (0.42) in which they are applied. Image conditions, which some pipelines encode
without them (Stable Video Diffusion, CogVideoX 1.5), are another matter.

Axes: b batch, c channels, f frames, h height, w width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from kinema.codecs.codec import Posterior

Factors = tuple[int, int, int]


@dataclass(frozen=True)
class Stream:
    """How a class goes on where it stopped."""

    # (network, next entries along f, what it remembers) -> the latents' means, or frames
    step: Callable[[Any, Tensor, dict], Tensor]
    first: int = 1  # how many entries the first call takes, if there are so many
    block: int = 1  # how many every later call takes


# Calling a class as a whole ----------------------------------------------------------------------


def posterior_of(network: Any, x: Tensor) -> Posterior:
    gaussian = network.encode(x).latent_dist
    return Posterior(gaussian.mean, gaussian.logvar)


def encode_images(network: Any, frames: Tensor) -> Posterior:
    """A class that knows pictures only: frames become rows of the batch."""
    flat = posterior_of(network, rearrange(frames, "b c f h w -> (b f) c h w"))
    unflat = (rearrange(x, "(b f) c h w -> b c f h w", b=len(frames)) for x in vars(flat).values())
    return Posterior(*unflat)


def decode_video(network: Any, latents: Tensor) -> Tensor:
    return network.decode(latents).sample


def decode_images(network: Any, latents: Tensor, **options: Any) -> Tensor:
    flat = network.decode(rearrange(latents, "b c f h w -> (b f) c h w"), **options).sample
    return rearrange(flat, "(b f) c h w -> b c f h w", b=len(latents))


def decode_images_together(network: Any, latents: Tensor) -> Tensor:
    """Pictures whose decoder looks along time; whole clips, not pieces of 14 as its pipeline."""
    return decode_images(network, latents, num_frames=latents.shape[2])


def encode_nines(network: Any, frames: Tensor) -> Posterior:
    """CogVideoX encodes 9 frames, then 8 at a time: other lengths would change its batches."""
    kept = 1 + (frames.shape[2] - 1) // 4
    whole = posterior_of(network, lengthen(frames, first=9, block=8))
    return Posterior(whole.mean[:, :, :kept], whole.log_variance[:, :, :kept])


def decode_threes(network: Any, latents: Tensor) -> Tensor:
    """CogVideoX decodes 3 latents, then 2 at a time; of an even number it makes 3 frames more."""
    kept = 1 + 4 * (latents.shape[2] - 1)
    return decode_video(network, lengthen(latents, first=3, block=2))[:, :, :kept]


def lengthen(x: Tensor, first: int, block: int) -> Tensor:
    """Repeat the last entry along f up to `first` and whole blocks; a single entry stays alone."""
    missing = -(x.shape[2] - first) % block if x.shape[2] > first else first - x.shape[2]
    return x if x.shape[2] == 1 else F.pad(x, (0, 0, 0, 0, 0, missing), mode="replicate")


def decode_clean(network: Any, latents: Tensor) -> Tensor:
    """LTX-Video: a decoder that asks for a noise level is told 0, as its pipeline does by default.

    Some of its decoders also add noise to their features: the same noise each time, so that
    decoding stays a function.
    """
    t = latents.new_zeros(len(latents)) if network.config.timestep_conditioning else None
    with torch.random.fork_rng([latents.device] if latents.is_cuda else []):
        torch.manual_seed(0)
        return network.decode(latents, t).sample


# Going on where a class stopped ------------------------------------------------------------------


def image_encode_step(network: Any, frames: Tensor, memory: dict) -> Tensor:
    return encode_images(network, frames).mean


def cogvideox_encode_step(network: Any, frames: Tensor, memory: dict) -> Tensor:
    moments, memory["conv"] = network.encoder(frames, conv_cache=memory.get("conv"))
    if network.quant_conv is not None:
        moments = network.quant_conv(moments)
    return moments.chunk(2, dim=1)[0]


def cogvideox_decode_step(network: Any, latents: Tensor, memory: dict) -> Tensor:
    if network.post_quant_conv is not None:
        latents = network.post_quant_conv(latents)
    frames, memory["conv"] = network.decoder(latents, conv_cache=memory.get("conv"))
    return frames


def wan_encode_step(network: Any, frames: Tensor, memory: dict) -> Tensor:
    from diffusers.models.autoencoders.autoencoder_kl_wan import patchify

    cache = memory.setdefault("conv", [None] * sum(1 for _ in network.encoder.modules()))
    if network.config.patch_size is not None:
        frames = patchify(frames, patch_size=network.config.patch_size)
    moments = network.encoder(frames, feat_cache=cache, feat_idx=[0])
    return network.quant_conv(moments).chunk(2, dim=1)[0]


def wan_decode_step(network: Any, latents: Tensor, memory: dict) -> Tensor:
    from diffusers.models.autoencoders.autoencoder_kl_wan import unpatchify

    first = "conv" not in memory
    cache = memory.setdefault("conv", [None] * sum(1 for _ in network.decoder.modules()))
    x = network.post_quant_conv(latents)
    x = network.decoder(x, feat_cache=cache, feat_idx=[0], first_chunk=first)
    if network.config.patch_size is not None:
        x = unpatchify(x, patch_size=network.config.patch_size)
    return x.clamp(-1, 1)  # as the class does with whole clips


# The table ---------------------------------------------------------------------------------------


def halving(frames: int) -> Callable[[Any], Factors]:
    """Of a class that halves height and width between its blocks."""

    def factors(network: Any) -> Factors:
        side = 2 ** (len(network.config.block_out_channels) - 1)
        return frames, side, side

    return factors


def stated(network: Any) -> Factors:
    side = network.spatial_compression_ratio
    return network.temporal_compression_ratio, side, side


@dataclass(frozen=True)
class Kind:
    """One class of diffusers."""

    pipeline: str  # the file below diffusers/pipelines whose statistics these are
    # frames, rows and columns of pixels for one latent, of a network
    factors: Callable[[Any], Factors]
    # which of scaling_factor, shift_factor, latents_mean and latents_std it applies
    statistics: tuple[str, ...]
    channels: str = "latent_channels"  # what its configuration calls the numbers in one latent
    # (network, frames of a whole number of blocks) -> posterior
    encode: Callable[[Any, Tensor], Posterior] = posterior_of
    decode: Callable[[Any, Tensor], Tensor] = decode_video  # (network, latents) -> frames
    # None if the class cannot encode in pieces without changing the latents
    encode_stream: Stream | None = None
    # None if the class cannot decode in pieces without changing the frames
    decode_stream: Stream | None = None


KINDS: dict[str, Kind] = {
    "AutoencoderKL": Kind(
        pipeline="stable_diffusion_3/pipeline_stable_diffusion_3_img2img.py",
        factors=halving(1),
        statistics=("scaling_factor", "shift_factor", "latents_mean", "latents_std"),
        encode=encode_images,
        decode=decode_images,
        encode_stream=Stream(image_encode_step),
        decode_stream=Stream(lambda network, latents, memory: decode_images(network, latents)),
    ),
    "AutoencoderKLTemporalDecoder": Kind(
        pipeline="stable_video_diffusion/pipeline_stable_video_diffusion.py",
        factors=halving(1),
        statistics=("scaling_factor",),
        encode=encode_images,
        decode=decode_images_together,
        encode_stream=Stream(image_encode_step),
    ),
    "AutoencoderKLCogVideoX": Kind(
        pipeline="cogvideo/pipeline_cogvideox.py",
        factors=halving(4),
        statistics=("scaling_factor",),
        encode=encode_nines,
        decode=decode_threes,
        encode_stream=Stream(cogvideox_encode_step, first=9, block=8),
        decode_stream=Stream(cogvideox_decode_step, first=3, block=2),
    ),
    "AutoencoderKLWan": Kind(
        pipeline="wan/pipeline_wan.py",
        factors=lambda network: (4, *[network.config.scale_factor_spatial] * 2),
        statistics=("latents_mean", "latents_std"),
        channels="z_dim",
        encode_stream=Stream(wan_encode_step, first=1, block=4),
        decode_stream=Stream(wan_decode_step),
    ),
    "AutoencoderKLHunyuanVideo": Kind(
        pipeline="hunyuan_video/pipeline_hunyuan_video_image2video.py",
        factors=lambda network: stated(network.config),
        statistics=("scaling_factor",),
    ),
    "AutoencoderKLLTXVideo": Kind(
        pipeline="ltx/pipeline_ltx.py",
        factors=stated,
        statistics=("latents_mean", "latents_std", "scaling_factor"),
        decode=decode_clean,
    ),
    "AutoencoderKLMochi": Kind(
        pipeline="mochi/pipeline_mochi.py",
        factors=stated,
        statistics=("latents_mean", "latents_std", "scaling_factor"),
    ),
}
"""Class of diffusers, the `_class_name` of its config.json -> what is its own."""
