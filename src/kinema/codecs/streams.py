"""Coding a clip that grows: what must be remembered of the frames before, and nothing more.

A stream may be kept as long as anybody wants to extend its clip: pushing 8 frames costs 8 frames,
however many came before them, and gives what coding the whole clip anew would give.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from kinema.blocks.cache import Cache
from kinema.codecs.codec import BlockCodec, Posterior, check_frames, cut_stream
from kinema.errors import UserError


class CausalCodec(BlockCodec):
    """A codec that can go on where it stopped: a subclass codes blocks of frames with a cache."""

    @abstractmethod
    def whole_blocks(self, frames: Tensor, first: bool = True, last: bool = True) -> Tensor:
        """Frames padded to whole blocks, at the ends that the clip has here."""

    @abstractmethod
    def encode_blocks(self, blocks: Tensor, cache: Cache | None = None) -> Posterior:
        """b 3 4f' 8h' 8w' -> the posterior of their latents, unnormalized."""

    @abstractmethod
    def decode_blocks(self, latents: Tensor, cache: Cache | None = None) -> Tensor:
        """Unnormalized latents b c f' h' w' -> b 3 4f' 8h' 8w'."""

    def encode_stream(self, chunks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Encode a clip that comes in chunks of any lengths; memory is flat in the clip's length.

        The latents, joined, equal `encode` of the joined frames. Each leaves as soon as its frames
        are there. `EncodeStream` is the same for a clip that will be extended later.
        """
        stream = EncodeStream(self)
        for chunk in chunks:
            latents = stream.push(chunk)
            if latents.shape[2]:
                yield latents
        if stream.waits:
            yield stream.rest()

    def decode_stream(
        self,
        chunks: Iterable[Tensor],
        num_frames: int | None = None,
        size: tuple[int, int] | None = None,
    ) -> Iterator[Tensor]:
        """Decode latents that come in chunks of any lengths; memory is flat in the clip's length.

        The frames, joined, equal `decode` of the joined latents. With `num_frames` it stops there.
        """
        return cut_stream(map(DecodeStream(self).push, chunks), num_frames, size)


class EncodeStream:
    """Encode a clip as its frames come.

    stream = EncodeStream(codec)
    latents = [stream.push(frames), stream.push(more), stream.rest()]  # = encode of all
    """

    def __init__(self, codec: CausalCodec):
        self.codec = codec
        self._cache: Cache = {}
        self._waiting: Tensor | None = None

    @property
    def waits(self) -> bool:
        """Whether frames have come whose block is not full yet."""
        return self._waiting is not None and self._waiting.shape[2] > 0

    def push(self, frames: Tensor) -> Tensor:
        """b 3 f h w -> b c f' h' w': the latents whose frames are now all there; f' may be 0.

        Raises:
            UserError: if these are no frames, or of another size than those before.
        """
        check_frames(frames)
        blocks = self.codec.whole_blocks(frames, first=self._waiting is None, last=False)
        if self._waiting is not None:
            check_same_shape(self._waiting, blocks)
            blocks = torch.cat([self._waiting, blocks], dim=2)
        whole = blocks.shape[2] - blocks.shape[2] % self.codec.factors[0]
        self._waiting = blocks[:, :, whole:].clone()  # a view would keep the whole chunk alive
        if not whole:
            return self._no_latents(blocks)
        posterior = self.codec.encode_blocks(blocks[:, :, :whole], self._cache)
        return self.codec.normalize(posterior.mean)

    def rest(self) -> Tensor:
        """The latent of the frames that still wait, the last of them repeated: b c 1 h' w'.

        Without any, b c 0 h' w'. The stream goes on as if it had not been asked: whoever extends
        the clip replaces this latent by what the next `push` gives.

        Raises:
            UserError: if no frames have come at all.
        """
        if self._waiting is None:
            raise UserError("No frames have come yet: push some before asking for the rest.")
        if not self.waits:
            return self._no_latents(self._waiting)
        blocks = self.codec.whole_blocks(self._waiting, first=False, last=True)
        return self.codec.normalize(self.codec.encode_blocks(blocks, dict(self._cache)).mean)

    def _no_latents(self, like: Tensor) -> Tensor:
        channels, _, height, width = self.codec.latent_shape(1, *like.shape[3:])
        return like.new_zeros(like.shape[0], channels, 0, height, width)


class DecodeStream:
    """Decode a clip as its latents come.

    stream = DecodeStream(codec)
    frames = [stream.push(latents), stream.push(more)]  # = decode of all
    """

    def __init__(self, codec: CausalCodec):
        self.codec = codec
        self._cache: Cache = {}
        self._shown: Tensor | None = None

    def push(self, latents: Tensor) -> Tensor:
        """b c f' h' w' -> b 3 f h w: 4 frames a latent with the usual factors, 1 for the first.

        Raises:
            UserError: if these are no latents of this codec, or of another size than those before.
        """
        self.codec.check_latents(latents)
        if self._shown is not None:
            check_same_shape(self._shown, latents)
        frames = self.codec.decode_blocks(self.codec.denormalize(latents), self._cache)
        skip = self.codec.factors[0] - 1 if self._shown is None else 0
        self._shown = latents[:, :, :0].clone()
        return frames[:, :, skip:]


def check_same_shape(before: Tensor, now: Tensor) -> None:
    """Refuse a chunk of another batch or size than the chunk before."""
    (batch, _, _, *size), (other_batch, _, _, *other) = before.shape, now.shape
    if (batch, size) != (other_batch, other):
        raise UserError(
            f"The chunks of a stream have one shape: after {batch} clips of {size[0]}x{size[1]} "
            f"came {other_batch} of {other[0]}x{other[1]}."
        )
