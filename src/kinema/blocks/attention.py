"""Attention over the tokens of a video: a spec says who sees whom, one function computes it.

A spec (`Full()`, `Causal(chunk=2)`, ...) speaks of f frames of n tokens each, and may differ from
layer to layer. `attend` picks the fastest exact softmax attention for the device and the type.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from kinema.blocks.blocked_attention import BlockedAttention
from kinema.errors import UserError

Pattern = Literal["all", "space", "time"]


@dataclass(frozen=True)
class Full:
    """Every token sees every token."""

    kind: str = field(default="full", init=False)
    causal = False

    def pattern(self, layer: int) -> Pattern:
        return "all"

    def visible(self, num_frames: int, device: torch.device | None = None) -> Tensor | None:
        """(f, f) bool, [i, j] True where frame i sees frame j; None where all see all."""
        return None


@dataclass(frozen=True)
class Factorized(Full):
    """Even layers attend within each frame, odd ones along time at each place.

    N (h w + f) pairs instead of N^2 (TimeSformer, Bertasius et al. 2021; Latte's variant 1).

    Attributes:
        causal: along time, see only the past and the present.
    """

    kind: str = field(default="factorized", init=False)
    causal: bool = False

    def pattern(self, layer: int) -> Pattern:
        return "time" if layer % 2 else "space"

    def visible(self, num_frames: int, device: torch.device | None = None) -> Tensor | None:
        return Causal().visible(num_frames, device) if self.causal else None


@dataclass(frozen=True)
class Causal(Full):
    """A frame sees its own chunk of frames and all chunks before (CausVid, Yin et al. 2024).

    Attributes:
        chunk: frames a chunk; 1 makes every frame wait for the one before.
    """

    kind: str = field(default="causal", init=False)
    chunk: int = 1
    causal = True

    def visible(self, num_frames: int, device: torch.device | None = None) -> Tensor:
        chunks = torch.arange(num_frames, device=device) // self.chunk
        return chunks[:, None] >= chunks


@dataclass(frozen=True)
class Windowed(Full):
    """A frame sees the frames at most `window` away, and the layers above see further.

    Attributes:
        window: how many frames to each side.
        causal: see only the past side and the present.
    """

    kind: str = field(default="windowed", init=False)
    window: int = 4
    causal: bool = False

    def visible(self, num_frames: int, device: torch.device | None = None) -> Tensor:
        frames = torch.arange(num_frames, device=device)
        distance = frames[:, None] - frames
        nearest = 0 if self.causal else -self.window
        return (distance >= nearest) & (distance <= self.window)


AttentionSpec = Full | Factorized | Causal | Windowed
ATTENTION: dict[str, Callable[..., AttentionSpec]] = {
    "full": Full,
    "factorized": Factorized,
    "causal": Causal,
    "windowed": Windowed,
}


def attention_spec(spec: AttentionSpec | str | dict[str, Any]) -> AttentionSpec:
    """A spec from itself, from its name, or from its dictionary as a config.json holds it.

    Raises:
        UserError: if the name or an option is unknown.
    """
    if isinstance(spec, Full):
        return spec
    options = {"kind": spec} if isinstance(spec, str) else dict(spec)
    kind = options.pop("kind", None)
    if kind not in ATTENTION:
        close = get_close_matches(str(kind), ATTENTION, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(ATTENTION)}."
        raise UserError(f"attention: unknown kind {kind!r}; {hint}")
    try:
        return ATTENTION[kind](**options)
    except TypeError as error:
        raise UserError(f"attention {kind!r}: {str(error).split('__init__() ')[-1]}.") from error


def attend_video(q: Tensor, k: Tensor, v: Tensor, spec: AttentionSpec, layer: int) -> Tensor:
    """Attention of one layer over a video; q, k, v and the result are b k f n d (k heads)."""
    num_frames = q.shape[2]
    pattern = spec.pattern(layer)
    if pattern == "space":
        q, k, v = (rearrange(x, "b k f n d -> (b f) k n d") for x in (q, k, v))
        return rearrange(attend(q, k, v), "(b f) k n d -> b k f n d", f=num_frames)
    mask = spec.visible(num_frames, q.device)
    if pattern == "time":
        num_places = q.shape[3]
        q, k, v = (rearrange(x, "b k f n d -> (b n) k f d") for x in (q, k, v))
        return rearrange(attend(q, k, v, mask), "(b n) k f d -> b k f n d", n=num_places)
    if mask is not None:
        tokens = q.shape[3]
        mask = mask.repeat_interleave(tokens, 0).repeat_interleave(tokens, 1)
    q, k, v = (rearrange(x, "b k f n d -> b k (f n) d") for x in (q, k, v))
    return rearrange(attend(q, k, v, mask), "b k (f n) d -> b k f n d", f=num_frames)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Exact softmax attention, by whichever way is fastest here.

    torch's kernel is slow for bf16 on a CPU, backward above all: there, blocks of matrix products
    are several times faster (docs/results/training_speed.md). On a GPU its flash kernels are best.

    Args:
        q: (b, k, n, d) queries of k heads.
        k: (b, k, m, d) keys.
        v: (b, k, m, d) values.
        mask: bool, True where a query may see a key: (n, m), (b, 1, m) or (b, n, m). Every query
            must see at least one key.

    Returns:
        (b, k, n, d).
    """
    if q.device.type == "cpu" and q.dtype == torch.bfloat16:
        return BlockedAttention.apply(q, k, v, mask)
    if mask is not None and mask.ndim == 3:
        mask = mask[:, None]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
