"""What a network remembers of a stream, so that a clip fed in parts equals the clip fed whole.

A cache maps modules to what they remember, and an empty one starts a stream. An entry is replaced,
never changed in place: a caller that passes `dict(cache)` looks at the past and leaves no trace, as
the steps of a sampler do before a frame is finished. `keep` forgets frames in the middle, `packed`
turns a cache into named tensors that can be saved, and `unpacked` turns these into a cache.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kinema.blocks.attention import AttentionSpec, Causal
from kinema.errors import UserError

Cache = dict[nn.Module, Any]
"""By module: the `Past` of an attention, the last frames of a convolution or a token shift and the
state of a recurrence (tensors), or how many frames a network has been fed (an int)."""


class Unpruned(Cache):
    """A cache that only `keep` makes shorter.

    Other caches forget what no later frame sees. `keep` numbers frames anew, by which what was out
    of sight may come into it again: the first frames, beside the latest ones.
    """


@dataclass(frozen=True)
class Past:
    """Keys and values of the frames that later frames may still see.

    Attributes:
        k, v: b k f n d.
        frames: the numbers of these f frames.
        num_seen: frames fed so far.
    """

    k: Tensor
    v: Tensor
    frames: tuple[int, ...]
    num_seen: int


def num_seen(cache: Cache | None, module: nn.Module) -> int:
    """Frames that `module` has been fed in this stream."""
    return cache[module].num_seen if cache is not None and module in cache else 0


def remember(
    cache: Cache, module: nn.Module, k: Tensor, v: Tensor, spec: AttentionSpec
) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Put the keys and values of new frames behind those of the past.

    Returns:
        keys and values b k f n d of all frames that may be seen, and the numbers of these frames.

    Raises:
        UserError: if `spec` sees the future, or a chunk is not fed whole.
    """
    if not spec.causal:
        raise UserError(f"Attention {spec} sees later frames, so it cannot stream: make it causal.")
    first = num_seen(cache, module)
    if isinstance(spec, Causal) and first % spec.chunk:
        raise UserError(
            f"Attention {spec} streams whole chunks, and was fed {first} frames before these."
        )
    frames = tuple(range(first, first + k.shape[2]))
    if module in cache:
        past = cache[module]
        k, v = torch.cat([past.k, k], dim=2), torch.cat([past.v, v], dim=2)
        frames = past.frames + frames
    following = frames[-1] + 1
    if isinstance(cache, Unpruned):
        cache[module] = Past(k, v, frames, following)
        return k, v, frames
    # No later frame sees a past one that the next frame does not see
    kept = np.flatnonzero(spec.sees(np.array(following), np.array(frames))).tolist()
    numbers = tuple(frames[i] for i in kept)
    cache[module] = Past(k[:, :, kept], v[:, :, kept], numbers, following)
    return k, v, frames


def keep(cache: Cache, first: int, last: int) -> None:
    """Forget all but the first and the last frames, which then follow each other.

    Take an `Unpruned` cache, in which all of them are. The last ones are numbered anew behind the
    first, and their keys turned to these positions (StreamingLLM, Xiao et al. 2023). What has no
    numbers (recurrences, convolutions, token shifts) stays as it is.

    Raises:
        UserError: if there is something to forget, and the network's tokens span several frames.
    """
    counts = {count_of(entry) for entry in cache.values() if not isinstance(entry, Tensor)}
    gap = max(counts, default=0) - first - last
    if gap <= 0:
        return
    if len(counts) > 1:
        raise UserError(
            "A network whose tokens span several frames cannot forget some of them: leave `cached` "
            "off, or let it see as many frames as the video has."
        )
    for module, entry in cache.items():
        if isinstance(entry, Past):
            cache[module] = without(entry, first, gap, module)
        elif isinstance(entry, int):
            cache[module] = entry - gap


def count_of(entry: Past | int) -> int:
    """Frames that an entry of a cache has counted."""
    return entry.num_seen if isinstance(entry, Past) else entry


def without(past: Past, start: int, gap: int, attention: Any) -> Past:
    """`past` without the frames start ... start + gap - 1, the later ones moved up to close it."""
    early = [i for i, frame in enumerate(past.frames) if frame < start]
    late = [i for i, frame in enumerate(past.frames) if frame >= start + gap]
    k = torch.cat([past.k[:, :, early], attention.moved(past.k[:, :, late], -gap)], dim=2)
    numbers = (*(past.frames[i] for i in early), *(past.frames[i] - gap for i in late))
    return Past(k, past.v[:, :, early + late], numbers, past.num_seen - gap)


def packed(cache: Cache, network: nn.Module) -> dict[str, Tensor]:
    """What the modules of a network remember, as tensors named `MODULE:FIELD`; copies."""
    names = {module: name for name, module in network.named_modules()}
    return {
        f"{names[module]}:{field}": x.clone(memory_format=torch.contiguous_format)
        for module, entry in cache.items()
        for field, x in fields_of(entry).items()
    }


def unpacked(tensors: dict[str, Tensor], network: nn.Module) -> Cache:
    """The inverse of `packed`."""
    entries: dict[str, dict[str, Tensor]] = {}
    for name, x in tensors.items():
        module, field = name.rsplit(":", 1)
        entries.setdefault(module, {})[field] = x
    return {network.get_submodule(name): entry_of(fields) for name, fields in entries.items()}


def fields_of(entry: Any) -> dict[str, Tensor]:
    """An entry of a cache as tensors: keys and values, a count of frames, or a state."""
    if isinstance(entry, Past):
        numbers = {"frames": torch.tensor(entry.frames), "num_seen": torch.tensor(entry.num_seen)}
        return {"k": entry.k, "v": entry.v, **numbers}
    return {"num_seen": torch.tensor(entry)} if isinstance(entry, int) else {"state": entry}


def entry_of(fields: dict[str, Tensor]) -> Any:
    """The inverse of `fields_of`."""
    if "state" in fields:
        return fields["state"]
    num_seen = int(fields["num_seen"])
    if "k" not in fields:
        return num_seen
    return Past(fields["k"], fields["v"], tuple(fields["frames"].tolist()), num_seen)
