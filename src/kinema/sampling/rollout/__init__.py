"""Videos longer than a window: strategies as dataclasses, noise by position, pieces as they end."""

from kinema.sampling.rollout.autoregressive import Autoregressive, Memory, Recomputed, Remembering
from kinema.sampling.rollout.blending import Blend
from kinema.sampling.rollout.cached import Cached
from kinema.sampling.rollout.keyframes import Keyframes
from kinema.sampling.rollout.noise import SEED_STRIDE, FrameNoise
from kinema.sampling.rollout.rolling import Rolling
from kinema.sampling.rollout.sliding import Sliding, Splice, crossfade
from kinema.sampling.rollout.walk import Piece, Schedule, State, Strategy, Walk, together

__all__ = [
    "SEED_STRIDE",
    "Autoregressive",
    "Blend",
    "Cached",
    "FrameNoise",
    "Keyframes",
    "Memory",
    "Piece",
    "Recomputed",
    "Remembering",
    "Rolling",
    "Schedule",
    "Sliding",
    "Splice",
    "State",
    "Strategy",
    "Walk",
    "crossfade",
    "together",
]
