"""The strategies by their names, with the window and the overlap that a system was trained for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil

from kinema.denoisers import Denoiser
from kinema.errors import UserError
from kinema.sampling.rollout import (
    Autoregressive,
    Blend,
    Keyframes,
    Rolling,
    Sliding,
    Splice,
    Strategy,
    Whole,
    crossfade,
)
from kinema.video.system import Parts


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

    Args:
        name: a key of STRATEGIES.
        pipe: the system.
        overlap_noise: noise in [0, 1) under which frames are shown again (GameNGen, 2024).

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
