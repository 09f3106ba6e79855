"""The contract of a codec: frames to latents and back, N frames in, N frames out.

A denoiser never asks which codec made its latents, and a codec never hears of noise. The trivial
codec is `Pixels`, with which a model works on the frames themselves. `BlockCodec` is what codecs
with a network have in common.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from kinema.errors import UserError


@dataclass
class Posterior:
    """The Gaussian q(latents | frames), before the statistics are taken off.

    mean, log_variance: b c f' h' w'.
    """

    mean: Tensor
    log_variance: Tensor

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        noise = torch.randn(
            self.mean.shape, generator=generator, dtype=torch.float32, device=self.mean.device
        )
        return self.mean + torch.exp(0.5 * self.log_variance) * noise

    def kl(self) -> Tensor:
        """KL(q || N(0, 1)), summed over the channels and averaged over the rest: (b,)."""
        mean, log_variance = self.mean.float(), self.log_variance.float()
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        return kl.sum(dim=1).flatten(1).mean(dim=1)


class Codec(Protocol):
    """What every codec offers. Frames are b 3 f h w in [-1, 1], latents b c f' h' w'."""

    factors: tuple[int, int, int]
    """How many frames, rows and columns of pixels one latent stands for."""
    channels: int
    """Numbers in one latent."""

    def latent_shape(self, num_frames: int, height: int, width: int) -> tuple[int, int, int, int]:
        """The shape (c, f', h', w') of the latents of a clip."""

    def encode(self, frames: Tensor) -> Tensor:
        """b 3 f h w in [-1, 1] -> b c f' h' w' of about zero mean and unit variance.

        Raises:
            UserError: if the frames have another shape or range, or there are none.
        """

    def decode(
        self, latents: Tensor, num_frames: int | None = None, size: tuple[int, int] | None = None
    ) -> Tensor:
        """Turn latents into frames: b c f' h' w' -> b 3 f h w.

        Args:
            latents: as `encode` gives them.
            num_frames: keep this many; all that there are if None.
            size: keep (height, width) from the upper left; everything if None.

        Returns:
            frames in [-1, 1] up to the error of the codec (not clamped).

        Raises:
            UserError: if the latents are not this codec's, or more is asked for than there is.
        """


@runtime_checkable
class LocalCodec(Codec, Protocol):
    """A codec whose numbers depend on what lies near them, and on nothing else in the picture."""

    reach: tuple[int, int]
    """How many latents to each side encoding and decoding one latent looks at."""


class Pixels(Codec):
    """The codec that changes nothing: latents are the frames."""

    factors = (1, 1, 1)
    channels = 3
    reach = (0, 0)

    def latent_shape(self, num_frames: int, height: int, width: int) -> tuple[int, int, int, int]:
        return (self.channels, num_frames, height, width)

    def encode(self, frames: Tensor) -> Tensor:
        check_frames(frames)
        return frames

    def decode(
        self, latents: Tensor, num_frames: int | None = None, size: tuple[int, int] | None = None
    ) -> Tensor:
        return crop(latents, num_frames, size)


class BlockCodec(ABC):
    """A codec of blocks of pixels whose latents leave without their mean and scale.

    The first latent frame stands for the first frame, every later one for `factors[0]` frames. A
    subclass has the attributes below, and says what `posterior` and `decode_raw` are.

    Attributes:
        factors, channels: as in `Codec`.
        latent_mean, latent_scale: (channels,) each; normalized = (latents - mean) / scale.
    """

    factors: tuple[int, int, int]
    channels: int
    latent_mean: Tensor
    latent_scale: Tensor

    @abstractmethod
    def posterior(self, frames: Tensor) -> Posterior:
        """q(latents | frames) before the statistics are taken off; b 3 f h w in [-1, 1]."""

    @abstractmethod
    def decode_raw(self, latents: Tensor) -> Tensor:
        """Unnormalized latents -> all their frames, 1 + factors[0] (f' - 1) of them."""

    def latent_shape(self, num_frames: int, height: int, width: int) -> tuple[int, int, int, int]:
        """The shape (c, f', h', w') of the latents of a clip of any length and size."""
        r, p, q = self.factors
        return (self.channels, 1 + ceil((num_frames - 1) / r), ceil(height / p), ceil(width / q))

    def encode(self, frames: Tensor) -> Tensor:
        """b 3 f h w in [-1, 1] -> b c f' h' w': the mean of the posterior, normalized.

        f' = 1 + ceil((f - 1) / 4), h' = ceil(h / 8), w' = ceil(w / 8) with the usual factors.
        """
        return self.normalize(self.posterior(frames).mean)

    def decode(
        self, latents: Tensor, num_frames: int | None = None, size: tuple[int, int] | None = None
    ) -> Tensor:
        """Turn latents into frames, as `Codec.decode` says."""
        self.check_latents(latents)
        return crop(self.decode_raw(self.denormalize(latents)), num_frames, size)

    def forward(self, frames: Tensor) -> Tensor:
        """The clip as it looks after coding: b 3 f h w -> b 3 f h w."""
        return self.decode(self.encode(frames), frames.shape[2], (frames.shape[3], frames.shape[4]))

    def normalize(self, latents: Tensor) -> Tensor:
        """Take the statistics off: what the network encodes -> what a denoiser works on."""
        return (latents - column(self.latent_mean)) / column(self.latent_scale)

    def denormalize(self, latents: Tensor) -> Tensor:
        """The inverse of `normalize`."""
        return latents * column(self.latent_scale) + column(self.latent_mean)

    def check_latents(self, latents: Tensor) -> None:
        """Refuse latents of another codec.

        Raises:
            UserError: if the shape is not (b, channels, f, h, w), or there are none.
        """
        if latents.ndim != 5 or latents.shape[1] != self.channels or latents.numel() == 0:
            raise UserError(
                f"This codec decodes latents of shape (batch, {self.channels}, frames, height, "
                f"width), not {tuple(latents.shape)}: take them from its own encode."
            )


def column(values: Tensor) -> Tensor:
    """(c,) -> 1 c 1 1 1."""
    return values.view(1, -1, 1, 1, 1)


def check_frames(frames: Tensor) -> None:
    """Refuse what is not a clip in [-1, 1].

    Raises:
        UserError: if `frames` is not b 3 f h w, is empty, holds integers, or leaves [-1, 1].
    """
    if frames.ndim != 5 or frames.shape[1] != 3:
        raise UserError(
            f"A codec takes frames of shape (batch, 3, frames, height, width), not "
            f"{tuple(frames.shape)}: give color clips with the channels second."
        )
    if frames.numel() == 0:
        raise UserError(
            f"The clip is empty, its shape is {tuple(frames.shape)}: give at least one frame."
        )
    if not frames.is_floating_point():
        raise UserError(
            f"A codec takes floating-point frames in [-1, 1], not {frames.dtype}: "
            "convert them with kinema.clips.to_tensor."
        )
    low, high = (value.item() for value in frames.detach().aminmax())
    if not (low >= -1.01 and high <= 1.01):
        raise UserError(
            f"A codec takes frames in [-1, 1], these lie in [{low:.3g}, {high:.3g}]: "
            "convert them with kinema.clips.to_tensor."
        )


def crop(frames: Tensor, num_frames: int | None, size: tuple[int, int] | None) -> Tensor:
    """Keep the first `num_frames` frames and the upper left `size` (height, width) of each.

    Raises:
        UserError: if more is asked for than there is.
    """
    f, h, w = frames.shape[2:]
    wanted = (f if num_frames is None else num_frames, *((h, w) if size is None else size))
    if any(not 0 < want <= have for want, have in zip(wanted, (f, h, w), strict=True)):
        raise UserError(
            f"These latents decode to {f} frames of {h}x{w}, from which {wanted[0]} frames of "
            f"{wanted[1]}x{wanted[2]} cannot be cut: ask for fewer."
        )
    return frames[:, :, : wanted[0], : wanted[1], : wanted[2]]


def cut_stream(
    pieces: Iterable[Tensor], num_frames: int | None, size: tuple[int, int] | None
) -> Iterator[Tensor]:
    """Do what `crop` does to a clip whose frames come in pieces; stop at `num_frames`.

    Raises:
        UserError: if there are fewer frames.
    """
    made = 0
    for frames in pieces:
        frames = frames[:, :, : None if num_frames is None else num_frames - made]
        made += frames.shape[2]
        if frames.shape[2]:
            yield crop(frames, None, size)
        if made == num_frames:
            return
    if num_frames is not None:
        raise UserError(
            f"These latents decode to {made} frames, fewer than the {num_frames} asked for."
        )
