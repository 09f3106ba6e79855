"""Videos of any length: strategies as dataclasses, noise by position, segments as they end."""

import warnings
from typing import Any

from kinema.diffusion.path import HISTORY, SEED_STRIDE, FrameNoise
from kinema.sampling.rollout.autoregressive import (
    Autoregressive,
    Cached,
    Memory,
    Recomputed,
    Remembering,
)
from kinema.sampling.rollout.blending import Blend
from kinema.sampling.rollout.keyframes import Keyframes
from kinema.sampling.rollout.rolling import Rolling
from kinema.sampling.rollout.setup import (
    RolloutSetup,
    RolloutState,
    Schedule,
    Segment,
    Strategy,
    Whole,
    joined,
)
from kinema.sampling.rollout.sliding import Sliding, Splice, crossfade

__all__ = [
    "HISTORY",
    "SEED_STRIDE",
    "Autoregressive",
    "Blend",
    "Cached",
    "FrameNoise",
    "Keyframes",
    "Memory",
    "Recomputed",
    "Remembering",
    "Rolling",
    "RolloutSetup",
    "RolloutState",
    "Schedule",
    "Segment",
    "Sliding",
    "Splice",
    "Strategy",
    "Whole",
    "crossfade",
    "joined",
]

RENAMED: dict[str, Any] = {
    "Walk": RolloutSetup,
    "Piece": Segment,
    "State": RolloutState,
    "together": joined,
}


def __getattr__(name: str) -> object:
    """Return what had another name before, for one version more."""
    if name not in RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    message = f"{__name__}.{name} is {RENAMED[name].__name__} now."
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return RENAMED[name]
