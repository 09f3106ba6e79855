"""Attention over the tokens of a video: a spec says who sees whom, one function computes it.

A spec (`Full()`, `Causal(chunk=2)`, ...) speaks of f frames of n tokens each:

    causal            no frame sees a later one
    chunk             frames that must be fed to a cache together
    sees_all          every frame sees every frame, so that nothing need be planned
    pattern(layer)    whether a layer attends over all tokens, within frames or along time
    sees(i, j)        True where frame i sees frame j, for numbers of frames that broadcast

Frames attend only to the frames they see: what a spec hides is hardly computed. `attend` picks the
fastest exact softmax attention for the device and the type.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from kinema.blocks.blocked_attention import BlockedAttention
from kinema.fields import Count, Whole, check_fields, read_spec

Pattern = Literal["all", "space", "time"]

# Frames that see different frames are attended together, under a mask, up to so many tokens and
# frames: smaller matrix products would cost more than the pairs that the mask throws away.
TOKENS_AT_ONCE, FRAMES_AT_ONCE = 512, 16


class FramePattern:
    """What a spec is unless it says otherwise: all tokens, in both directions of time."""

    kind: str
    causal = False
    chunk = 1
    sees_all = False

    def __post_init__(self) -> None:
        check_fields(self, f"{self.kind.capitalize()} attention: ")

    def pattern(self, layer: int) -> Pattern:
        return "all"


@dataclass(frozen=True)
class Full(FramePattern):
    """Every token sees every token."""

    kind: str = field(default="full", init=False)
    sees_all = True

    def sees(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        return (i >= 0) & (j >= 0)


@dataclass(frozen=True)
class Framewise(FramePattern):
    """A token sees its own frame only: frame by frame, unless a temporal mixer stands beside."""

    kind: str = field(default="framewise", init=False)
    causal = True

    def pattern(self, layer: int) -> Pattern:
        return "space"

    def sees(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        return i == j


@dataclass(frozen=True)
class Factorized(FramePattern):
    """Even layers attend within each frame, odd ones along time at each place.

    N (h w + f) pairs instead of N^2 (TimeSformer, Bertasius et al. 2021; Latte's variant 1).
    """

    kind: str = field(default="factorized", init=False)
    causal: bool = False  # along time, see only the past and the present

    @property
    def sees_all(self) -> bool:  # type: ignore[override]
        return not self.causal

    def pattern(self, layer: int) -> Pattern:
        return "time" if layer % 2 else "space"

    def sees(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        return (i >= j) | (not self.causal)


@dataclass(frozen=True)
class Causal(FramePattern):
    """A frame sees its own chunk of frames and all chunks before (CausVid, Yin et al. 2024)."""

    kind: str = field(default="causal", init=False)
    chunk: Count = 1  # frames a chunk; 1 makes every frame wait for the one before
    causal = True

    def sees(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        return i // self.chunk >= j // self.chunk


@dataclass(frozen=True)
class Windowed(FramePattern):
    """A frame sees the frames at most `window` away, and the layers above see further."""

    kind: str = field(default="windowed", init=False)
    window: Whole = 4  # how many frames to each side
    causal: bool = False  # see only the past side and the present

    def sees(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        return (abs(i - j) <= self.window) & ((i >= j) | (not self.causal))


@dataclass(frozen=True)
class Hybrid(FramePattern):
    """A window, and every `stride`-th frame of the whole clip (after Beltagy et al. 2020).

    The window keeps neighbors alike, the strided frames keep the subject itself over any length:
    about f (2 window + 1 + f / stride) pairs of frames (Longformer's local and global attention).
    """

    kind: str = field(default="hybrid", init=False)
    window: Whole = 4  # how many frames to each side
    stride: Count = 8  # frames 0, stride, 2 stride, ... are seen by all.
    causal: bool = False  # see only the past and the present

    def sees(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        near = (abs(i - j) <= self.window) | (j % self.stride == 0)
        return near & ((i >= j) | (not self.causal))


AttentionSpec = Full | Framewise | Factorized | Causal | Windowed | Hybrid
ATTENTION: dict[str, type[AttentionSpec]] = {
    spec.kind: spec for spec in (Full, Framewise, Factorized, Causal, Windowed, Hybrid)
}


def attention_spec(spec: AttentionSpec | str | dict[str, Any]) -> AttentionSpec:
    """Return a spec from itself, its name or its dictionary; raise a UserError as `read_spec`."""
    made: AttentionSpec = read_spec("attention", ATTENTION, spec)
    return made


def attend_video(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    spec: AttentionSpec,
    layer: int = 0,
    key_frames: Sequence[int] | None = None,
) -> Tensor:
    """Attention of one layer over a video.

    Args:
        q: b k f n d, queries of k heads.
        k: b k f' n d, keys of the same frames, or of the past ones too.
        v: b k f' n d, values of the frames of the keys.
        spec: who sees whom.
        layer: the layer's number, for specs that differ from layer to layer.
        key_frames: the numbers of the f' frames, the queries' own last; 0 ... f - 1 unless given.

    Returns:
        b k f n d.
    """
    num_frames = q.shape[2]
    pattern = spec.pattern(layer)
    if pattern == "space":
        q, k, v = (rearrange(x, "b k f n d -> (b f) k n d") for x in (q, k, v))
        return rearrange(attend(q, k, v), "(b f) k n d -> b k f n d", f=num_frames)
    if pattern == "time":
        num_places = q.shape[3]
        q, k, v = (rearrange(x, "b k f n d -> (b n) k f 1 d") for x in (q, k, v))
    if spec.sees_all:
        y = attend_group(q, k, v, FrameGroup(slice(None), slice(None), None))
    else:
        keys = tuple(range(num_frames)) if key_frames is None else tuple(key_frames)
        groups = frame_groups(spec, keys[-num_frames:], keys, q.shape[3])
        y = torch.cat([attend_group(q, k, v, group) for group in groups], dim=2)
    return rearrange(y, "(b n) k f 1 d -> b k f n d", n=num_places) if pattern == "time" else y


@dataclass(frozen=True)
class FrameGroup:
    """Query frames that are attended together, and the key frames that any of them sees."""

    queries: slice  # a run of query frames
    keys: slice | list[int]  # the places of the key frames, a slice where they are a run
    mask: np.ndarray | None  # (queries, keys) who sees whom; None where all see all


@lru_cache(maxsize=256)
def frame_groups(
    spec: AttentionSpec, queries: tuple[int, ...], keys: tuple[int, ...], num_tokens: int
) -> tuple[FrameGroup, ...]:
    """Split the query frames so that each group attends to little that it does not see.

    `queries` and `keys` are the numbers of the frames that see and are seen. With many tokens a
    frame, frames that see differently become groups of their own.
    """
    sees = spec.sees(np.array(queries)[:, None], np.array(keys))
    at_once = min(FRAMES_AT_ONCE, max(1, TOKENS_AT_ONCE // num_tokens))
    groups, start, stop = [], 0, 0
    for end in range(1, len(sees) + 1):
        if end < len(sees) and (sees[end] == sees[end - 1]).all():
            continue  # these two see the same: no mask can come between them
        if stop > start and end - start > at_once:
            groups.append(frame_group(sees[start:stop], start))
            start = stop
        stop = end
    return (*groups, frame_group(sees[start:stop], start))


def frame_group(sees: np.ndarray, start: int) -> FrameGroup:
    """The group whose queries are the rows of `sees`, the first one being frame `start`."""
    seen = np.flatnonzero(sees.any(0)).tolist()
    is_run = seen[-1] - seen[0] + 1 == len(seen)
    keys = slice(seen[0], seen[-1] + 1) if is_run else seen
    mask = None if sees[:, seen].all() else sees[:, seen]
    return FrameGroup(slice(start, start + len(sees)), keys, mask)


def attend_group(q: Tensor, k: Tensor, v: Tensor, group: FrameGroup) -> Tensor:
    """The attention of one group of query frames, b k f n d as in `attend_video`."""
    q = q[:, :, group.queries]
    k, v = k[:, :, group.keys], v[:, :, group.keys]
    mask, (num_frames, num_tokens) = None, q.shape[2:4]
    if group.mask is not None:
        tokens = group.mask.repeat(num_tokens, 0).repeat(num_tokens, 1)
        mask = torch.from_numpy(tokens).to(q.device)
    q, k, v = (rearrange(x, "b k f n d -> b k (f n) d") for x in (q, k, v))
    return rearrange(attend(q, k, v, mask), "b k (f n) d -> b k f n d", f=num_frames)


def count_pairs(spec: AttentionSpec, num_frames: int, num_tokens: int, layer: int = 0) -> int:
    """Pairs of a query and a key that one layer must compute; each costs 4 d operations a head."""
    if spec.pattern(layer) == "space":
        return num_frames * num_tokens**2
    frames = np.arange(num_frames)
    pairs_of_frames = int(spec.sees(frames[:, None], frames).sum())
    return pairs_of_frames * num_tokens ** (1 if spec.pattern(layer) == "time" else 2)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Exact softmax attention of k heads, by whichever way is fastest here.

    torch's kernel is slow for bf16 on a CPU, backward above all: there, blocks of matrix products
    are faster, the more so the fewer they are (docs/results/training_speed.md). On a GPU its flash
    kernels are best.

    q: (b, k, n, d); k, v: (b, k, m, d); mask: bool, True where a query may see a key, (n, m),
    (b, 1, m) or (b, n, m). Every query must see at least one key. The result is (b, k, n, d).
    """
    if q.device.type == "cpu" and q.dtype == torch.bfloat16:
        return BlockedAttention.apply(q, k, v, mask)
    if mask is not None and mask.ndim == 3:
        mask = mask[:, None]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
