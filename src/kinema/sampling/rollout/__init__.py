"""Videos of any length: strategies as dataclasses, noise by position, segments as they end."""

from kinema.sampling.rollout.autoregressive import Autoregressive, Memory, Recomputed, Remembering
from kinema.sampling.rollout.blending import Blend
from kinema.sampling.rollout.cached import Cached
from kinema.sampling.rollout.keyframes import Keyframes
from kinema.sampling.rollout.noise import HISTORY, SEED_STRIDE, FrameNoise
from kinema.sampling.rollout.rolling import Rolling
from kinema.sampling.rollout.setup import (
    RolloutSetup,
    RolloutState,
    Schedule,
    Segment,
    Strategy,
    joined,
)
from kinema.sampling.rollout.sliding import Sliding, Splice, Whole, crossfade

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
