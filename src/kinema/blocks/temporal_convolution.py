"""Convolution along time, alone and behind one in space.

The pseudo-3-D convolution is that of Make-A-Video (Singer et al. 2022, section 3.2.1): a 3x3
within the frame, then taps along time that start as the identity. Here they start at zero beside
a residual path, which is the same function, and holds for any block that it is put behind.
"""

from torch import Tensor, nn

from kinema.blocks.activation import squared_relu
from kinema.blocks.cache import Cache
from kinema.blocks.convolution import FrameConv, TimeConv
from kinema.blocks.normalization import RMSNorm


class TemporalConvolution(nn.Module):
    """x + taps(activation(norm(x))) along time.

    Args:
        dim: features.
        kernel: frames that are seen; odd unless `causal`.
        causal: see only the past and the present.
    """

    def __init__(self, dim: int, kernel: int, causal: bool):
        super().__init__()
        self.norm = RMSNorm(dim)
        self.time = TimeConv(dim, causal, kernel)
        nn.init.zeros_(self.time.taps.weight)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """b f h w d -> b f h w d; with a cache, a causal one continues the frames before."""
        return x + self.time(squared_relu(self.norm(x)), cache)


class Pseudo3DConvolution(nn.Module):
    """x + taps(activation(3x3(norm(x)))): what a pixel's neighbours did in the other frames.

    Args:
        dim, kernel, causal: as in `TemporalConvolution`.
    """

    def __init__(self, dim: int, kernel: int, causal: bool):
        super().__init__()
        self.norm = RMSNorm(dim)
        self.space = FrameConv(dim, dim)
        self.time = TimeConv(dim, causal, kernel)
        nn.init.zeros_(self.time.taps.weight)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """b f h w d -> b f h w d; with a cache, a causal one continues the frames before."""
        return x + self.time(squared_relu(self.space(self.norm(x))), cache)
