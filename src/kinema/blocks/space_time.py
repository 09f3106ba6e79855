"""A residual block whose convolution is factorized: 3x3 within a frame, then 3 along time.

(2+1)-D convolution (Tran et al. 2018) with adaptive norms as in DiT. Features lie last, b f h w d.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from kinema.blocks.cache import Cache
from kinema.blocks.convolution import FrameConv, TimeConv
from kinema.blocks.transformer import gated, modulate, squared_relu


class SpaceTimeBlock(nn.Module):
    """x + gate1 conv(conv(x)) in space, then x + gate2 conv(x) in time.

    A vector of `dim_vector` features modulates each frame; `causal` hides later frames.
    """

    def __init__(self, dim: int, dim_vector: int, causal: bool = False):
        super().__init__()
        self.modulation = nn.Linear(dim_vector, 6 * dim)
        self.conv1, self.conv2 = FrameConv(dim, dim), FrameConv(dim, dim)
        self.time = TimeConv(dim, causal)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, vector: Tensor, cache: Cache | None = None) -> Tensor:
        """x: b f h w d, vector: b f e -> b f h w d; with a cache, a causal one goes on."""
        vectors = self.modulation(F.silu(vector))[:, :, None, None].chunk(6, dim=-1)
        shift1, scale1, gate1, shift2, scale2, gate2 = vectors
        y = self.conv2(squared_relu(self.conv1(modulate(x, shift1, scale1))))
        x = gated(x, gate1, y)
        return gated(x, gate2, self.time(modulate(x, shift2, scale2), cache))
