"""What networks are made of. Every block takes tensors and knows nothing of noise or data."""

from kinema.blocks.attention import (
    ATTENTION,
    AttentionSpec,
    Causal,
    Factorized,
    Framewise,
    Full,
    Hybrid,
    Windowed,
    attend,
    attend_video,
    attention_spec,
)

__all__ = [
    "ATTENTION",
    "AttentionSpec",
    "Causal",
    "Factorized",
    "Framewise",
    "Full",
    "Hybrid",
    "Windowed",
    "attend",
    "attend_video",
    "attention_spec",
]
