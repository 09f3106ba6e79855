"""The contract of a codec: frames to latents and back, N frames in, N frames out.

A denoiser never asks which codec made its latents, and a codec never hears of noise. The trivial
codec is `Pixels`, with which a model works on the frames themselves.
"""

from typing import Protocol, runtime_checkable

from torch import Tensor

from kinema.errors import UserError


class Codec(Protocol):
    """What every codec offers. Frames are b 3 f h w in [-1, 1], latents b c f' h' w'."""

    factors: tuple[int, int, int]
    """How many frames, rows and columns of pixels one latent stands for."""
    channels: int
    """Numbers in one latent."""

    def latent_shape(self, num_frames: int, height: int, width: int) -> tuple[int, int, int, int]:
        """The shape (c, f', h', w') of the latents of a clip."""

    def encode(self, frames: Tensor) -> Tensor:
        """b 3 f h w in [-1, 1] -> b c f' h' w' of about zero mean and unit variance."""

    def decode(
        self,
        latents: Tensor,
        num_frames: int | None = None,
        size: tuple[int, int] | None = None,
    ) -> Tensor:
        """b c f' h' w' -> b 3 f h w, trimmed to `num_frames` and cropped to `size` if given."""


@runtime_checkable
class LocalCodec(Codec, Protocol):
    """A codec whose numbers depend on what lies near them, and on nothing else in the picture."""

    reach: tuple[int, int]
    """How many latents to each side encoding and decoding one latent looks at."""


class Pixels:
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
        self,
        latents: Tensor,
        num_frames: int | None = None,
        size: tuple[int, int] | None = None,
    ) -> Tensor:
        return crop(latents, num_frames, size)


def check_frames(frames: Tensor) -> None:
    """Refuse what is not a clip in [-1, 1].

    Raises:
        UserError: if `frames` is not b 3 f h w, is empty, holds integers, or leaves [-1, 1].
    """
    if frames.ndim != 5 or frames.shape[1] != 3:
        raise UserError(
            f"a codec takes frames of shape (batch, 3, frames, height, width), not "
            f"{tuple(frames.shape)}: give colour clips with the channels second"
        )
    if frames.numel() == 0:
        raise UserError(
            f"the clip is empty, its shape is {tuple(frames.shape)}: give at least one frame"
        )
    if not frames.is_floating_point():
        raise UserError(
            f"a codec takes floating-point frames in [-1, 1], not {frames.dtype}: "
            "convert them with kinema.clips.to_tensor"
        )
    low, high = (value.item() for value in frames.detach().aminmax())
    if not (low >= -1.01 and high <= 1.01):
        raise UserError(
            f"a codec takes frames in [-1, 1], these lie in [{low:.3g}, {high:.3g}]: "
            "convert them with kinema.clips.to_tensor"
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
            f"these latents decode to {f} frames of {h}x{w}, from which {wanted[0]} frames of "
            f"{wanted[1]}x{wanted[2]} cannot be cut: ask for fewer"
        )
    return frames[:, :, : wanted[0], : wanted[1], : wanted[2]]
