"""Hierarchical video: key frames first, then what lies between two of them.

The key frames are themselves a long video, at a lower frame rate, made by any other strategy; the
windows between are `plans.interpolation`. Errors add up over the keys only, and those are few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

import torch
from torch import Tensor

from kinema.errors import UserError
from kinema.sampling.rollout.noise import KEYS
from kinema.sampling.rollout.walk import Piece, Schedule, State, Strategy, Walk, given_pieces


@dataclass(frozen=True)
class Keyframes:
    """Every `stride`-th frame by `keys`, then windows that begin and end with a key frame.

    The keys are denoised by `walk.coarse`, a denoiser of clips at the lower rate. Without one the
    ordinary denoiser makes them, and takes them for neighbouring frames: motion is then `stride`
    times too slow between.

    Args:
        keys: how the key frames are made, which may be `Keyframes` again.
        stride: frames from key to key.
        window: frames that are filled in together; as many whole strides as it holds, and one.
    """

    keys: Strategy
    stride: int = 4
    window: int = 9

    def __post_init__(self) -> None:
        if not 1 <= self.stride < self.window:
            raise UserError(
                f"stride is {self.stride}: a window of {self.window} frames holds two key frames "
                f"at most {self.window - 1} apart."
            )

    @property
    def horizon(self) -> int:
        """Frames back that every new key frame sees key frames of, at least; what was made or
        given between them, it does not see.
        """
        return self.keys.horizon * self.stride

    @property
    def span(self) -> int:
        """Frames from the first key of a window to its last."""
        return (self.window - 1) // self.stride * self.stride

    def rollout(self, walk: Walk, num_frames: int, state: State | None = None) -> Iterator[Piece]:
        if self.stride == 1:
            yield from self.keys.rollout(walk, num_frames, state)
            return
        pending, own = self._pending(walk, state)
        made = 0 if state is None else state.made
        count = ceil((num_frames - 1) / self.stride) + 1
        pieces = self.keys.rollout(self._coarse(walk), count, own)
        while made < num_frames:
            last_key = min(made // self.stride + self.span // self.stride, count - 1)
            missing = last_key + 1 - made // self.stride
            while pending is None or pending.shape[2] < missing:
                piece = next(pieces)
                own = piece.state
                pending = kept(pending, piece.frames)
            frames = self._between(walk, pending[:, :, :missing], made)
            is_last = made + frames.shape[2] >= num_frames
            new = frames[:, :, : num_frames - made] if is_last else frames[:, :, :-1]
            pending = pending[:, :, missing - 1 :].clone()
            made += new.shape[2]
            yield Piece(new, self._state(made, pending, own))

    def _coarse(self, walk: Walk) -> Walk:
        """The walk of the key frames: their own noise, denoiser and schedule."""
        denoise = walk.denoise if walk.coarse is None else walk.coarse
        if isinstance(denoise, Schedule):
            denoise = denoise.every(self.stride)
        given = None if walk.given is None else walk.given[:, :, :: self.stride]
        return replace(walk, denoise=denoise, noise=walk.noise.other(KEYS), given=given)

    def _between(self, walk: Walk, keys: Tensor, start: int) -> Tensor:
        """The frames from the first key to the last; b c f h w of both."""
        stop = start + (keys.shape[2] - 1) * self.stride + 1
        known = walk.noise(start, stop)
        given = list(range(0, stop - start, self.stride))
        known[:, :, given] = keys
        opening, count = given_pieces(walk.given, stop)
        if opening is not None and count > start:
            known[:, :, : count - start] = opening[:, :, start:]
            given = sorted({*given, *range(count - start)})
        if len(given) == stop - start:
            return known
        return walk.window(walk.at(start), known, given, start)

    def _state(self, made: int, pending: Tensor, own: State | None) -> State:
        assert own is not None, "there are keys, so there is their state"
        tensors = {f"keys.{name}": x for name, x in own.tensors.items()}
        return State(made, {**tensors, "pending": pending, "keys": torch.tensor(own.made)})

    def _pending(self, walk: Walk, state: State | None) -> tuple[Tensor | None, State | None]:
        if state is None:
            return None, None
        names = [name for name in state.tensors if name.startswith("keys.")]
        own = {name.removeprefix("keys."): state.tensors[name] for name in names}
        pending = state.tensors["pending"].to(walk.noise.like.device)
        return pending, State(int(state.tensors["keys"]), own)

    def calls(self, num_frames: int, num_steps: int) -> dict[int, int]:
        count = ceil((num_frames - 1) / self.stride) + 1
        calls = dict(self.keys.calls(count, num_steps))
        if self.stride == 1:
            return calls
        whole, rest = divmod(count - 1, self.span // self.stride)
        for windows, size in ((whole, self.span + 1), (int(rest > 0), rest * self.stride + 1)):
            if windows:
                calls[size] = calls.get(size, 0) + windows * num_steps
        return calls

    def joins(self, num_frames: int, num_given: int = 0) -> list[int]:
        return [join for join in range(self.span, num_frames, self.span) if join >= num_given]


def kept(pending: Tensor | None, new: Tensor | None) -> Tensor | None:
    """Keys that wait, with those that have come."""
    if pending is None or new is None:
        return new if pending is None else pending
    return torch.cat([pending, new], dim=2)
