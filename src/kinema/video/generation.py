"""From a settled request to latents: prompts, guidance and noise go into a strategy.

There is one way for videos of any length. A video that fits into one window is made by the shortest
strategy, `Whole`; a longer one by a sliding window, or by whatever strategy is asked for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from math import ceil
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from kinema.conditions import Conditions
from kinema.denoisers import Denoiser
from kinema.diffusion import PATHS, Path
from kinema.errors import UserError
from kinema.sampling import SOLVERS, Branches, Denoise, DenoiseFn, Guidance, Solver, plans
from kinema.sampling.rollout import (
    HISTORY,
    Autoregressive,
    Blend,
    FrameNoise,
    Keyframes,
    Rolling,
    RolloutSetup,
    RolloutState,
    Schedule,
    Segment,
    Sliding,
    Splice,
    Strategy,
    Whole,
    crossfade,
    joined,
)
from kinema.sampling.sample import AfterStep
from kinema.video.request import Story, prompt_at
from kinema.video.system import Parts, digest


def autoregressive(window: int, overlap: int) -> Autoregressive:
    """Make chunks as long as the overlap, but no longer than those of a sliding window.

    They see the rest of a window: a sink and the latest frames.
    """
    chunk = min(overlap, max(window - overlap, 1))
    return Autoregressive(chunk, context=max(window - chunk - 1, 1), sinks=1)


# By name, for a window and an overlap in latent frames. Blended windows share half.
STRATEGIES: dict[str, Callable[[int, int], Strategy]] = {
    "whole": lambda window, overlap: Whole(),
    "sliding": lambda window, overlap: Sliding(window, overlap),
    "crossfade": crossfade,
    "splice": lambda window, overlap: Splice(min(8, window), min(2, overlap)),
    "rolling": lambda window, overlap: Rolling(window, history=overlap),
    "autoregressive": autoregressive,
    "keyframes": lambda window, overlap: Keyframes(
        Sliding(window, overlap), stride=max((window - 1) // 2, 1), window=window
    ),
    "blend": lambda window, overlap: Blend(window, window // 2),
}
DEFAULT = "sliding"


def strategy_named(name: str, pipe: Parts, overlap_noise: float = 0.0) -> Strategy:
    """Return a strategy with the window and the overlap that a system was trained for.

    With a causal denoiser that can forget, "autoregressive" keeps keys and values of the past.
    Frames that are shown again are shown under `overlap_noise` in [0, 1) (GameNGen, 2024).

    Raises:
        UserError: if there is no strategy of that name, or none that shows frames under noise.
    """
    if name not in STRATEGIES:
        raise UserError(f"There is no strategy {name!r}; choose from {', '.join(STRATEGIES)}.")
    window, overlap = window_of(pipe)
    strategy = STRATEGIES[name](window, overlap)
    if overlap_noise:
        strategy = noised(strategy, name, overlap_noise)
    return cached(strategy, pipe.denoiser) if isinstance(strategy, Autoregressive) else strategy


def window_of(pipe: Parts) -> tuple[int, int]:
    """Return the window and the overlap that a system was trained for, in latent frames."""
    system, codec = pipe.system, pipe.codec
    window = codec.latent_shape(system.num_frames, *system.size)[1]
    overlap = codec.latent_shape(system.overlap, *system.size)[1]
    return window, min(overlap, max(window - 1, 1))


def default_strategy(pipe: Parts, num_latents: int) -> Strategy:
    """Return one window for a video that fits into it, and a sliding one for a longer video."""
    if num_latents <= window_of(pipe)[0]:
        return Whole()
    return strategy_named(DEFAULT, pipe)


def noised(strategy: Strategy, name: str, level: float) -> Strategy:
    """Return the strategy with `level` noise on the frames that it shows again."""
    if not isinstance(strategy, Sliding | Autoregressive):
        raise UserError(
            f"{name} does not show its frames again under noise: leave --overlap-noise out, or "
            "take --long sliding, crossfade, splice or autoregressive."
        )
    return replace(strategy, level=level)


def cached(strategy: Autoregressive, denoiser: Denoiser) -> Autoregressive:
    """Return the strategy with a cache, if the denoiser can have one that forgets.

    Its chunks and what they see are rounded up to what the cache takes at once.
    """
    if not (denoiser.is_causal and denoiser.can_forget):
        return strategy
    multiple, seen = denoiser.chunk, strategy.sinks + strategy.context
    chunk, seen = (ceil(size / multiple) * multiple for size in (strategy.chunk, seen))
    return replace(strategy, chunk=chunk, context=seen - strategy.sinks, cached=True)


class Walk(NamedTuple):
    """How a frame goes from noise to clean; see `RolloutSetup`."""

    times: Tensor
    solver: Solver
    path: Path
    scale: float = 1.0


SETTABLE = ("num_frames", "fps", "num_steps", "guidance_scale")


@dataclass
class Generation:
    """Videos that are made together: a request with every default filled in, for one system."""

    pipe: Parts  # the system
    stories: list[Story]  # what to show, one a video
    negative_prompts: list[str]  # one a video
    seeds: list[int]  # one a video
    num_frames: int  # new frames of each
    size: tuple[int, int]  # height and width
    fps: float  # frames per second of the result
    num_steps: int  # sampling steps
    guidance_scale: float  # 1 is off
    guidance: Guidance  # how the prompt is followed
    strategy: Strategy  # how windows become a video
    given: Tensor | None = None  # latents to go on from, (1 or b) c k h w
    source: Tensor | None = None  # latents to be made anew, (1 or b) c f h w
    strength: float = 1.0  # how much of them to change
    num_kept: int = 0  # frames of a clip that stand in the result before new ones
    # yields these frames, uint8 (h w 3) each
    kept: Callable[[], Iterator[np.ndarray]] = lambda: iter(())
    opening: np.ndarray | None = None  # what `given` was encoded from, uint8 (k h w 3)
    worse: Parts | None = None  # the system that autoguidance leads away from
    # the files that the videos start from, for the record
    files: dict[str, str] = field(default_factory=dict)
    progress: AfterStep | None = None  # called after every step

    def of(self, videos: slice) -> Generation:
        """Return the same for some of the videos."""
        return dataclasses.replace(
            self,
            stories=self.stories[videos],
            negative_prompts=self.negative_prompts[videos],
            seeds=self.seeds[videos],
        )

    # ---- lengths: frames of the result, frames that are decoded, latents ------------------------

    @property
    def num_given(self) -> int:
        """Latents that are given."""
        return 0 if self.given is None else self.given.shape[2]

    @property
    def num_skipped(self) -> int:
        """Decoded frames that are not new: the end of a clip, which stands in the result itself."""
        return self.pipe.codec.factors[0] * (self.num_given - 1) + 1 if self.num_kept else 0

    @property
    def num_decoded(self) -> int:
        return self.num_skipped + self.num_frames

    @property
    def total(self) -> int:
        """Frames of the result; a clip that is continued stands in it whole."""
        return self.num_kept + self.num_frames

    @property
    def shift(self) -> int:
        """Frames of the result before the first that is decoded."""
        return self.total - self.num_decoded

    @cached_property
    def latent_shape(self) -> tuple[int, int, int, int]:
        """c f h w of the latents of a video."""
        c, f, h, w = self.pipe.codec.latent_shape(self.num_decoded, *self.size)
        return c, f, h, w

    def joins(self) -> list[int]:
        """Return the frames of the result at which the strategy begins something new."""
        latents = self.strategy.joins(self.latent_shape[1], self.num_given)
        return [self.shift + self.pipe.codec.factors[0] * (latent - 1) + 1 for latent in latents]

    def calls(self) -> int:
        """Return about how often the network will be called."""
        calls = self.strategy.calls(self.latent_shape[1], self.num_steps)
        a_step = 2 if SOLVERS[self.pipe.system.solver].looks_ahead else 1
        return sum(calls.values()) * a_step * self.guidance.calls

    # ---- making ---------------------------------------------------------------------------------

    def segments(self, state: RolloutState | None = None) -> Iterator[Segment]:
        """Yield latents as they become final, from the beginning or from a state on.

        Raises:
            UserError: if the model makes values that are not finite.
        """
        for segment in self.strategy.rollout(self.setup(), self.latent_shape[1], state):
            if segment.frames is not None and not segment.frames.isfinite().all():
                raise UserError(
                    "The model made values that are not finite numbers: take a lower guidance "
                    "scale, or a model whose training did not diverge."
                )
            yield segment

    def video(self) -> Tensor:
        """Make the videos as one tensor, b 3 f h w in [-1, 1], without the frames that are kept."""
        latents = joined(self.segments())
        frames = self.pipe.codec.decode(latents, self.num_decoded, self.size)
        return frames[:, :, self.num_skipped :].clamp(-1, 1)

    def setup(self) -> RolloutSetup:
        """Return how noise becomes latents of this system."""
        walk, factor = self.walk(), self.pipe.codec.factors[0]
        c, f, h, w = self.latent_shape
        block = f if isinstance(self.strategy, Whole) else min(window_of(self.pipe)[0], f)
        like = torch.empty(0, device=self.pipe.device)
        noise = FrameNoise(self.seeds, (c, h, w), block, like=like)
        starts = sorted({start for story in self.stories for start, _ in story})
        parts = {
            ceil(max(start - self.shift, 0) / factor): self.denoise(start, noise)
            for start in starts
        }
        given, source = (
            None if latents is None else latents.expand(len(self.seeds), -1, -1, -1, -1)
            for latents in (self.given, self.source)
        )
        return RolloutSetup(
            Schedule(tuple(parts.items())),
            noise,
            walk.times,
            walk.solver,
            walk.path,
            given,
            source=source,
            progress=self.progress,
            scale=walk.scale,
        )

    def walk(self) -> Walk:
        """Return how a frame goes from noise to clean."""
        system = self.pipe.system
        times = plans.times(self.num_steps, system.shift, self.strength)
        return Walk(times, SOLVERS[system.solver], PATHS[system.path])

    def denoise(self, frame: int, noise: FrameNoise) -> DenoiseFn:
        """Fold network, guidance and the prompts in force at a frame into one function."""
        path, prompts = PATHS[self.pipe.system.path], [prompt_at(s, frame) for s in self.stories]
        hidden = noise.other(HISTORY).other(HISTORY)

        def steered_by(pipe: Parts, texts: list[str]) -> Denoise:
            conditions = Conditions(text=pipe.text(texts))
            return Denoise(pipe.denoiser, path, pipe.system.prediction, conditions)

        branches = Branches(
            steered_by(self.pipe, prompts),
            steered_by(self.pipe, self.negative_prompts),
            path,
            lambda x: hidden(0, x.shape[2])[..., : x.shape[3], : x.shape[4]],
            None if self.worse is None else steered_by(self.worse, prompts),
        )
        return self.guidance(branches, self.guidance_scale)

    # ---- the record -----------------------------------------------------------------------------

    def record(self) -> dict[str, Any]:
        """Return everything the frames depend on beside prompt and seed, as JSON values."""
        latents = [latents for latents in (self.given, self.source) if latents is not None]
        negative = self.negative_prompts
        return {
            "model": self.pipe.name,
            "weights": self.pipe.fingerprint(),
            "system": asdict(self.pipe.system),
            "strategy": repr(self.strategy),
            **{name: getattr(self, name) for name in (*SETTABLE, "size")},
            "guidance": asdict(self.guidance),  # type: ignore[call-overload]
            "negative_prompt": negative[0] if len(set(negative)) == 1 else negative,
            **({} if self.source is None else {"strength": self.strength}),
            **self.files,
            "given": digest(latents) if latents else "",
        }
