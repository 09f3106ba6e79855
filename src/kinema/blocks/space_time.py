"""A residual block whose convolution is factorised: 3x3 within a frame, then 3 along time.

(2+1)-D convolution (Tran et al. 2018) with adaptive norms as in DiT. Features lie last, b f h w d,
which the convolutions of a CPU like best, and which makes the one along time a matrix product.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinema.blocks.activation import squared_relu
from kinema.blocks.cache import Cache
from kinema.blocks.modulation import gated, modulate
from kinema.errors import UserError


class FrameConv(nn.Module):
    """A 3x3 convolution of every frame by itself, b f h w d, with zeros around the frame.

    It needs no cache, and takes one only to be called as `VideoConv` is.
    """

    def __init__(self, dim_in: int, dim_out: int, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(dim_in, dim_out, 3, stride, padding=1)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        y = self.conv(x.flatten(0, 1).permute(0, 3, 1, 2))  # (b f) d h w, features still last
        return y.permute(0, 2, 3, 1).unflatten(0, x.shape[:2])


class VideoConv(nn.Module):
    """A 3x3x3 convolution of a video, b f h w d, with zeros around it.

    With `causal` it sees a frame and the two before, and with a cache it continues a stream.
    """

    def __init__(self, dim_in: int, dim_out: int, causal: bool = False):
        super().__init__()
        self.causal = causal
        self.conv = nn.Conv3d(dim_in, dim_out, 3, padding=(0, 1, 1))

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        before, after = (2, 0) if self.causal else (1, 1)
        if cache is not None and self in cache:
            x, before = torch.cat([cache[self], x], dim=1), 0
        x = F.pad(x, (0, 0, 0, 0, 0, 0, before, after))
        if cache is not None:
            if not self.causal:
                raise UserError(
                    "A convolution that sees later frames cannot stream: make it causal."
                )
            cache[self] = x[:, -2:].clone()  # a view would keep the whole chunk alive
        y = self.conv(x.permute(0, 4, 1, 2, 3))  # b d f h w, features still last in memory
        return y.permute(0, 2, 3, 4, 1)


class TimeConv(nn.Module):
    """A convolution of `kernel` frames at each place, b f h w d, with zeros before and after.

    Without `causal` the frame is in their middle; with it they are this frame and those before.
    """

    def __init__(self, dim: int, causal: bool = False, kernel: int = 3):
        super().__init__()
        self.kernel, self.causal = kernel, causal
        self.taps = nn.Linear(kernel * dim, dim, bias=False)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """b f h w d -> b f h w d; with a cache, a causal one continues the frames before."""
        num_frames, past = x.shape[1], self.kernel - 1
        after = 0 if self.causal else past // 2
        if cache is not None and self in cache:
            x = torch.cat([cache[self], x], dim=1)
        else:
            x = F.pad(x, (0, 0, 0, 0, 0, 0, past - after, after))
        if cache is not None:
            if not self.causal:
                raise UserError(
                    "A convolution that sees later frames cannot stream: make it causal."
                )
            cache[self] = x[:, num_frames:].clone()  # a view would keep all of x alive
        taps = [x[:, i : i + num_frames] for i in range(self.kernel)]
        return self.taps(torch.cat(taps, dim=-1))


class SpaceTimeBlock(nn.Module):
    """x + gate1 conv(conv(x)) in space, then x + gate2 conv(x) in time.

    Args:
        dim: features.
        dim_vector: features of the vector that modulates each frame.
        causal: along time, see only the past and the present.
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
