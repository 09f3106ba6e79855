"""What networks are made of. Every block takes tensors and knows nothing of noise or data.

Import a block from its file:

    attention             who sees whom, and the attention that computes it
    blocked_attention     exact attention by blocks of matrix products, for bf16 on a processor
    transformer           patches, times, norms, rotary positions, token shift; attention, MLP
    mixers                how the frames learn of each other, one signature for all of them
    motion_module         the mixer of AnimateDiff
    space_time            convolutions of a video whose features lie last
    convolution           causal convolutions of a video whose channels come first
    cache                 what all of them remember of a stream
    precision             in which numbers a machine computes fastest
"""

from kinema.renamed import moved

MOVED = dict.fromkeys(
    ["ATTENTION", "AttentionSpec", "Causal", "Factorized", "Framewise", "Full", "Hybrid"]
    + ["Windowed", "attend", "attend_video", "attention_spec"],
    "kinema.blocks.attention",
)


def __getattr__(name: str) -> object:
    return moved(__name__, MOVED, name)
