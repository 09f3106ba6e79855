"""What networks are made of. Every block takes tensors and knows nothing of noise or data.

Import a block from its file:

    attention             who sees whom, and the attention that computes it
    blocked_attention     exact attention by blocks of matrix products, for bf16 on a processor
    transformer           self-attention, cross-attention, MLP
    rotary                positions in time, height and width
    embedding             the time of a frame as a vector, a video as patches and back
    modulation            adaptive norms; normalization, activation: what they stand on
    token_shift           each token sees a little of its neighbors
    mixers                how the frames learn of each other, one signature for all of:
                          temporal_attention, temporal_convolution, recurrence, motion_module
    space_time            convolutions of a video whose features lie last
    convolution           causal convolutions of a video whose channels come first
    cache                 what all of them remember of a stream
"""

from kinema.renamed import moved

MOVED = dict.fromkeys(
    ["ATTENTION", "AttentionSpec", "Causal", "Factorized", "Framewise", "Full", "Hybrid"]
    + ["Windowed", "attend", "attend_video", "attention_spec"],
    "kinema.blocks.attention",
)


def __getattr__(name: str) -> object:
    return moved(__name__, MOVED, name)
