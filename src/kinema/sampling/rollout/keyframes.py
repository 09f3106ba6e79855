"""Hierarchical video: key frames first, then what lies between two of them.

The key frames are themselves a long video, at a lower frame rate, made by any other strategy; the
windows between are `plans.given_frames`. Errors add up over the keys only, and those are few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

import torch
from torch import Tensor

from kinema.diffusion.path import KEYS
from kinema.errors import UserError
from kinema.sampling.rollout.setup import (
    RolloutSetup,
    RolloutState,
    Schedule,
    Segment,
    Strategy,
    opening,
)


@dataclass(frozen=True)
class Keyframes(Strategy):
    """Every `stride`-th frame by `keys`, then windows that begin and end with a key frame.

    The keys are denoised by `setup.coarse`, a denoiser of clips at the lower rate. Without one the
    ordinary denoiser makes them, and takes them for neighboring frames: motion is then `stride`
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
                f"The stride is {self.stride}: a window of {self.window} frames holds two key "
                f"frames at most {self.window - 1} apart."
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

    def rollout(
        self, setup: RolloutSetup, num_frames: int, state: RolloutState | None = None
    ) -> Iterator[Segment]:
        if self.stride == 1:
            yield from self.keys.rollout(setup, num_frames, state)
            return
        pending, own = self.pending(setup, state)
        made = 0 if state is None else state.made
        count = ceil((num_frames - 1) / self.stride) + 1
        segments = self.keys.rollout(self.coarse(setup), count, own)
        while made < num_frames:
            last_key = min(made // self.stride + self.span // self.stride, count - 1)
            missing = last_key + 1 - made // self.stride
            while pending is None or pending.shape[2] < missing:
                segment = next(segments)
                own = segment.state
                pending = kept(pending, segment.frames)
            frames = self.between(setup, pending[:, :, :missing], made)
            is_last = made + frames.shape[2] >= num_frames
            new = frames[:, :, : num_frames - made] if is_last else frames[:, :, :-1]
            pending = pending[:, :, missing - 1 :].clone()
            made += new.shape[2]
            yield Segment(new, self.state(made, pending, own))

    def coarse(self, setup: RolloutSetup) -> RolloutSetup:
        """Return the setup of the key frames: their own noise, denoiser and schedule."""
        denoise = setup.denoise if setup.coarse is None else setup.coarse
        if isinstance(denoise, Schedule):
            denoise = denoise.every(self.stride)
        given, source = (
            None if frames is None else frames[:, :, :: self.stride]
            for frames in (setup.given, setup.source)
        )
        noise = setup.noise.other(KEYS)
        return replace(setup, denoise=denoise, noise=noise, given=given, source=source)

    def between(self, setup: RolloutSetup, keys: Tensor, start: int) -> Tensor:
        """Return the frames from the first key to the last; b c f h w of both."""
        stop = start + (keys.shape[2] - 1) * self.stride + 1
        known = setup.known(start, stop)
        given = list(range(0, stop - start, self.stride))
        known[:, :, given] = keys
        first, count = opening(setup.given, stop)
        if first is not None and count > start:
            known[:, :, : count - start] = first[:, :, start:]
            given = sorted({*given, *range(count - start)})
        if len(given) == stop - start:
            return known
        return setup.window(setup.at(start), start, known, given)

    def state(self, made: int, pending: Tensor, own: RolloutState | None) -> RolloutState:
        assert own is not None, "there are keys, so there is their state"
        tensors = {f"keys.{name}": x for name, x in own.tensors.items()}
        return RolloutState(made, {**tensors, "pending": pending, "keys": torch.tensor(own.made)})

    def pending(
        self, setup: RolloutSetup, state: RolloutState | None
    ) -> tuple[Tensor | None, RolloutState | None]:
        """Return the keys that wait, and the state of what makes them."""
        if state is None:
            return None, None
        names = [name for name in state.tensors if name.startswith("keys.")]
        own = {name.removeprefix("keys."): state.tensors[name] for name in names}
        pending = state.tensors["pending"].to(setup.noise.like.device)
        return pending, RolloutState(int(state.tensors["keys"]), own)

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
