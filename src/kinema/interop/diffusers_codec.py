"""A pretrained autoencoder of diffusers behind the contract of a codec.

Seven classes, each with its own rule for lengths, sizes and statistics (`pretrained_kinds`), become
one codec: N frames in, N frames out for every N, by repeating the last frame and trimming; any
size, by repeating the edge and cropping; latents normalized as the pipeline of the class does it.

Axes: b batch, c channels, f frames, h height, w width.
"""

from collections.abc import Callable, Iterable, Iterator
from math import ceil
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinema.codecs.codec import BlockCodec, Posterior, check_frames, cut_stream
from kinema.errors import UserError, brief
from kinema.interop.diffusers_codec_kinds import KINDS, Stream, lengthen
from kinema.interop.strict_loading import load_network


class PretrainedCodec(BlockCodec, nn.Module):
    """Frames to latents and back through a network of one of the classes in KINDS."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network: Any = network
        self.kind = KINDS[type(network).__name__]
        self.factors = self.kind.factors(network)
        self.channels = network.config[self.kind.channels]
        mean, scale = self.statistics()
        self.register_buffer("latent_mean", mean, persistent=False)
        self.register_buffer("latent_scale", scale, persistent=False)

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, class_name: str, dtype: torch.dtype = torch.float32
    ) -> Self:
        """Load from a folder; `kinema.interop.load_codec` finds folder and class, on the hub too.

        Args:
            folder: holds config.json and diffusion_pytorch_model.safetensors.
            class_name: a key of KINDS.
            dtype: floating-point type of the weights; frames and latents outside are float32.

        Raises:
            UserError: if diffusers is not installed, or the weights are missing, corrupt or those
                of another configuration.
        """
        try:
            import diffusers
        except ImportError as error:
            raise UserError(
                "Pretrained codecs need diffusers: pip install 'kinema[pretrained]'."
            ) from error
        network = load_network(getattr(diffusers, class_name), Path(folder), "diffusers", dtype)
        return cls(network)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and diffusion_pytorch_model.safetensors, as diffusers does."""
        self.network.save_pretrained(folder, safe_serialization=True)

    # Statistics -------------------------------------------------------------------------------

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and scale of every channel, (c,) each: normalized = (latents - mean) / scale.

        In the terms of diffusers: mean is latents_mean or shift_factor, scale is latents_std over
        scaling_factor; what the pipeline of the class does not apply counts as 0 and as 1.
        """
        stored = {**self.network.config, **dict(self.network.named_buffers(recurse=False))}
        given: dict[str, Any] = {
            name: stored[name] for name in self.kind.statistics if stored.get(name) is not None
        }
        mean = torch.as_tensor(given.get("latents_mean", given.get("shift_factor", 0.0)))
        scale = torch.as_tensor(given.get("latents_std", 1.0)) / given.get("scaling_factor", 1.0)
        return mean.float().expand(self.channels).clone(), scale.expand(self.channels).clone()

    # Whole clips ------------------------------------------------------------------------------

    def posterior(self, frames: Tensor) -> Posterior:
        check_frames(frames)
        x = lengthen(self.pad_size(frames), first=1, block=self.factors[0])
        posterior = self.kind.encode(self.network, x.to(self.network.dtype))
        self._check_size(posterior.mean, self.latent_shape(*frames.shape[2:])[1:])
        return posterior

    def decode_raw(self, latents: Tensor) -> Tensor:
        f, h, w = latents.shape[2:]
        r, p, q = self.factors
        frames = self.kind.decode(self.network, latents.to(self.network.dtype)).float()
        self._check_size(frames, (1 + r * (f - 1), p * h, q * w))
        return frames

    def pad_size(self, frames: Tensor) -> Tensor:
        """Repeat the lower and the right edge until height and width are whole latents."""
        _, p, q = self.factors
        height, width = frames.shape[3:]
        return F.pad(frames, (0, -width % q, 0, -height % p, 0, 0), mode="replicate")

    # Tiles ------------------------------------------------------------------------------------

    def enable_tiling(self, **options: Any) -> None:
        """Code large frames in tiles, blended where they overlap; streams stay untiled.

        Args:
            **options: what the class of diffusers takes, such as tile_sample_min_height.

        Raises:
            UserError: if the class cannot, or does not know an option.
        """
        try:
            self.network.enable_tiling(**options)
        except (RuntimeError, TypeError) as error:  # also "not implemented"
            raise UserError(
                f"An {type(self.network).__name__} cannot be tiled so: {brief(error)}."
            ) from error

    def _check_size(self, made: Tensor, expected: tuple[int, ...]) -> None:
        """Some tile sizes make some classes return other sizes (CogVideoX: 202 pixels for 192)."""
        if tuple(made.shape[2:]) != tuple(expected):
            raise UserError(
                f"This {type(self.network).__name__} returns {tuple(made.shape[2:])} (frames, "
                f"height, width) for {tuple(expected)}: if it is tiled, choose other tile sizes."
            )

    # Streams ----------------------------------------------------------------------------------

    def encode_stream(self, chunks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Encode a clip that comes in chunks of any lengths; the latents, joined, equal `encode`.

        Raises:
            UserError: if the class cannot encode in pieces.
        """
        stream = self._stream("encode", self.kind.encode_stream)
        memory: dict = {}
        begun, r = False, self.factors[0]
        for frames, new in pieces(chunks, stream, check_frames):
            x = self.pad_size(frames).to(self.network.dtype)
            latents = self.normalize(stream.step(self.network, x, memory).float())
            yield latents[:, :, : ceil(new / r) if begun else 1 + ceil((new - 1) / r)]
            begun = True

    def decode_stream(
        self,
        chunks: Iterable[Tensor],
        num_frames: int | None = None,
        size: tuple[int, int] | None = None,
    ) -> Iterator[Tensor]:
        """Decode latents that come in chunks of any lengths; the frames, joined, equal `decode`.

        Raises:
            UserError: if the class cannot decode in pieces, or there are fewer frames.
        """
        stream = self._stream("decode", self.kind.decode_stream)
        return cut_stream(self.decoded(chunks, stream), num_frames, size)

    def decoded(self, chunks: Iterable[Tensor], stream: Stream) -> Iterator[Tensor]:
        """Decode latents that come in chunks, all of their frames."""
        memory: dict = {}
        begun, r = False, self.factors[0]
        for latents, new in pieces(chunks, stream, self.check_latents):
            x = self.denormalize(latents.float()).to(self.network.dtype)
            frames = stream.step(self.network, x, memory).float()
            if not begun:  # the first latent stands for one frame
                frames = frames[:, :, -(1 + r * (latents.shape[2] - 1)) :]
            yield frames[:, :, : r * new - (0 if begun else r - 1)]
            begun = True

    def _stream(self, what: str, stream: Stream | None) -> Stream:
        if stream is None:
            raise UserError(
                f"An {type(self.network).__name__} cannot {what} a clip in pieces so that they "
                f"equal the whole: {what} the whole clip."
            )
        return stream


def pieces(
    chunks: Iterable[Tensor], stream: Stream, check: Callable[[Tensor], None]
) -> Iterator[tuple[Tensor, int]]:
    """Regroup chunks along their frames: `stream.first` entries, then `stream.block` at a time.

    The last piece is made whole by repeating its last entry, a stream of one entry excepted.

    Returns:
        pairs (piece, how many of its entries came in).
    """
    waiting, wanted, begun = None, stream.first, False
    for chunk in chunks:
        check(chunk)
        waiting = chunk if waiting is None else torch.cat([waiting, chunk], dim=2)
        while waiting.shape[2] >= wanted:
            yield waiting[:, :, :wanted], wanted
            waiting, wanted, begun = waiting[:, :, wanted:].clone(), stream.block, True
    if waiting is not None and (rest := waiting.shape[2]):
        alone = rest == 1 and not begun
        missing = 0 if alone else wanted - rest
        yield F.pad(waiting, (0, 0, 0, 0, 0, missing), mode="replicate"), rest
