"""Coding pictures larger than memory: tile by tile, each with a margin of what surrounds it.

A tile whose margin is as wide as the codec's reach computes, inside, what the whole picture would:
the margin is cut off, and tiled equals untiled to rounding. With a narrower margin, or a codec that
looks at the whole picture (group norms, attention), neighboring tiles disagree near their border;
there one fades into the other over half of the overlap, so that no edge can be seen.

Axes: b batch, c channels, f frames, h height, w width.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil

import torch
from torch import Tensor

from kinema.codecs.codec import Codec, LocalCodec, check_frames, crop
from kinema.errors import UserError


@dataclass(frozen=True)
class Span:
    """A tile along one axis.

    Attributes:
        start, stop: what it sees, in latents.
        weights: how much each place of its output counts; those of all tiles add up to 1.
    """

    start: int
    stop: int
    weights: Tensor

    def scaled(self, factor: int) -> slice:
        """What it sees, in places of which `factor` make a latent."""
        return slice(self.start * factor, self.stop * factor)


class TiledCodec:
    """Another codec, applied tile by tile in space: itself a codec.

    Memory beyond frames and latents grows with the tile and not with the picture.

    Args:
        codec: any codec.
        tile: height and width of a tile in pixels, without its margins.
        overlap: width of the margins in pixels; None takes the codec's reach, which is exact.

    Raises:
        UserError: if the sizes make no sense, or `overlap` is None and the codec's reach unknown.
    """

    def __init__(
        self, codec: Codec, tile: tuple[int, int] = (256, 256), overlap: int | None = None
    ):
        if min(tile) < 1 or (overlap or 0) < 0:
            raise UserError(f"Tiles of {tile} pixels with an overlap of {overlap} cannot be cut.")
        self.codec, self.factors, self.channels = codec, codec.factors, codec.channels
        reach = codec.reach if isinstance(codec, LocalCodec) else None
        if overlap is None and reach is None:
            raise UserError(
                f"{type(codec).__name__} does not say how far it looks: give the tiles an overlap "
                "in pixels."
            )
        self.tile = tuple(ceil(t / p) for t, p in zip(tile, codec.factors[1:], strict=True))
        if overlap is not None:
            latents = ceil(overlap / min(codec.factors[1:]))
            self.margins = (latents, latents)
        elif reach is not None:
            self.margins = reach
        self.exact = tuple(
            reach is not None and margin >= near
            for margin, near in zip(self.margins, reach or (0, 0), strict=True)
        )

    def latent_shape(self, num_frames: int, height: int, width: int) -> tuple[int, int, int, int]:
        """The shape (c, f', h', w') of the latents of a clip."""
        return self.codec.latent_shape(num_frames, height, width)

    def encode(self, frames: Tensor) -> Tensor:
        """b 3 f h w in [-1, 1] -> b c f' h' w', as the codec itself."""
        check_frames(frames)
        _, p, q = self.factors
        shape = self.latent_shape(*frames.shape[2:])

        def code(rows: Span, columns: Span) -> Tensor:
            return self.codec.encode(frames[..., rows.scaled(p), columns.scaled(q)])

        return self._joined(code, shape[2:], (1, 1), 0)

    def decode(
        self, latents: Tensor, num_frames: int | None = None, size: tuple[int, int] | None = None
    ) -> Tensor:
        """b c f' h' w' -> b 3 f h w, as the codec itself."""

        def code(rows: Span, columns: Span) -> Tensor:
            return self.codec.decode(latents[..., rows.scaled(1), columns.scaled(1)], num_frames)

        frames = self._joined(code, latents.shape[3:], self.factors[1:], 1)
        return crop(frames, None, size)

    def _joined(
        self,
        code: Callable[[Span, Span], Tensor],
        shape: tuple[int, ...],
        scale: tuple[int, ...],
        way: int,
    ) -> Tensor:
        """Code every tile and add them up by their weights.

        `shape` is that of the latents, height and width, `scale` the places of the output for one
        latent, and `way` 0 for encoding and 1 for decoding.
        """
        margin = self.margins[way]
        fade = 0.0 if self.exact[way] else margin / 2
        cuts = [
            list(spans(length, tile, margin, fade, places))
            for length, tile, places in zip(shape, self.tile, scale, strict=True)
        ]
        whole: Tensor | None = None
        for rows, columns in product(*cuts):
            part = code(rows, columns)
            weights = rows.weights[:, None] * columns.weights  # h w
            if whole is None:
                sizes = [length * places for length, places in zip(shape, scale, strict=True)]
                whole = part.new_zeros(*part.shape[:3], *sizes)
            place = whole[..., rows.scaled(scale[0]), columns.scaled(scale[1])]
            place += part * weights.to(part)
        assert whole is not None, "there are no latents"
        return whole


def spans(length: int, tile: int, margin: int, fade: float, places: int) -> Iterator[Span]:
    """Cut an axis of `length` latents into tiles.

    A tile sees `margin` latents beyond each of its ends, and gives way to the next over `fade`
    latents to each side of an end; 0 cuts. `places` of the output are one latent.
    """
    x = (torch.arange(length * places) + 0.5) / places

    def risen(at: int) -> Tensor:
        """0 before the end at `at`, 1 after it; there is no end at the edge of the picture."""
        if at <= 0 or at >= length:
            return torch.full_like(x, float(at <= 0))
        return ((x - at + fade) / (2 * fade)).clamp(0, 1) if fade else (x > at).float()

    for cut in range(0, length, tile):
        start, stop = max(0, cut - margin), min(length, cut + tile + margin)
        weights = risen(cut) - risen(cut + tile)
        yield Span(start, stop, weights[start * places : stop * places])
