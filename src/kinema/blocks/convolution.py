"""Convolution of a video in space and time, with a memory for streaming.

A causal convolution lets a frame see itself and earlier frames, never later ones. What stands
before the first frame is zeros, or the first frame again, so that a single picture is a legal clip
(Yu et al. 2024, MAGVIT-v2, arXiv 2310.05737, section 3.2). Fed a long clip in chunks, each
convolution remembers the last frames of the chunk before, and the chunks equal the whole (Li et al.
2025, WF-VAE, arXiv 2411.17459, section 3.3).

Axes: b batch, f frames, h height, w width, d features. Features lie last, which the convolutions of
a CPU like best and which makes a kernel of one pixel a matrix product.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from kinema.blocks.cache import Cache
from kinema.errors import UserError

SMALL = 20_480  # numbers in a column of places below which torch leaves oneDNN
FEW = 32  # places of a frame below which oneDNN convolves along time slower than it multiplies


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolve a video by the fastest of several equal ways.

    torch's own 3-D convolution leaves the kernels of oneDNN for one that is two to ten times slower
    where the batch is small and the kernel one pixel wide, which is the case in every codec.
    Without an extent in time, or in space, two axes of the video are one, and a matrix product or a
    2-D convolution does the same.

    Args:
        x: b f h w d, with the frames before and after that the kernel needs.
        weight: o d kf kh kw with kh and kw odd; space is padded with zeros.
        bias: o.

    Returns:
        b (f - kf + 1) h w o.
    """
    kf, kh, kw = weight.shape[2:]
    if kf == kh == kw == 1:
        return F.linear(x, weight.flatten(1), bias)
    if kf == 1:
        y = pictures(x.flatten(0, 1), weight[:, :, 0], bias, (kh // 2, kw // 2))
        return y.unflatten(0, x.shape[:2])
    if kh == kw == 1:
        if x.device.type == "cpu" and x.shape[2:4].numel() < FEW:
            length = x.shape[1] - kf + 1
            seen = torch.cat([x[:, i : i + length] for i in range(kf)], dim=-1)  # b f h w (kf d)
            return F.linear(seen, weight[..., 0, 0].transpose(1, 2).flatten(1), bias)
        y = pictures(x.flatten(2, 3), weight[..., 0], bias, (0, 0))  # frames down, places across
        return y.unflatten(2, x.shape[2:4])
    if x.device.type == "cpu" and len(x) == 1 and x[:, ..., 0, :].numel() <= SMALL:
        length = x.shape[1] - kf + 1
        taps = [convolve(x[:, i : i + length], weight[:, :, i : i + 1]) for i in range(kf)]
        return sum(taps[1:], taps[0]) + (0 if bias is None else bias)
    y = F.conv3d(x.permute(0, 4, 1, 2, 3), weight, bias, padding=(0, kh // 2, kw // 2))
    return y.permute(0, 2, 3, 4, 1)


def pictures(x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
    """A 2-D convolution with features last: b h w d -> b h w o."""
    weight = weight.contiguous()  # torch's own kernel for small inputs asks for it
    return F.conv2d(x.permute(0, 3, 1, 2), weight, bias, padding=padding).permute(0, 2, 3, 1)


def with_neighbors(
    x: Tensor, around: tuple[int, int], repeat: bool, module: nn.Module, cache: Cache | None
) -> Tensor:
    """Put the frames that a kernel sees before and after a clip around it.

    Args:
        x: b f h w d.
        around: how many frames before, and how many after.
        repeat: whether the first and last frame stand there, or zeros.
        module: whose memory the cache holds.
        cache: what `module` saw last, if `x` continues a stream; it is told what it sees now.

    Raises:
        UserError: if there is a cache and the kernel sees later frames.
    """
    before, after = around
    if cache is not None and after:
        raise UserError("A convolution that sees later frames cannot stream: make it causal.")
    if before == after == 0:
        return x
    if cache is not None and module in cache:
        x = torch.cat([cache[module], x], dim=1)
    elif repeat:
        first, last = x[:, :1].expand(-1, before, *x.shape[2:]), x[:, -1:]
        x = torch.cat([first, x, last.expand(-1, after, *x.shape[2:])], dim=1)
    else:
        x = F.pad(x, (0, 0, 0, 0, 0, 0, before, after))
    if cache is not None:
        cache[module] = x[:, -before:].clone()  # a view would keep the whole chunk alive
    return x


def frames_around(kernel: int, causal: bool) -> tuple[int, int]:
    """How many frames a kernel sees before its own, and how many after."""
    after = 0 if causal else (kernel - 1) // 2
    return kernel - 1 - after, after


class Conv3d(nn.Conv3d):
    """A convolution of a video, b f h w d -> b f h w o, that keeps its size.

    Args:
        dim_in, dim_out: features.
        kernel: (frames, height, width), height and width odd.
        causal: see no later frame; otherwise frames are odd, and as many are seen before as after.
        repeat: whether the first frame stands before the clip (and the last behind it), or zeros.
    """

    def __init__(
        self,
        dim_in: int,
        dim_out: int,
        kernel: tuple[int, int, int] = (3, 3, 3),
        causal: bool = True,
        repeat: bool = True,
    ):
        super().__init__(dim_in, dim_out, kernel)
        self.around, self.repeat = frames_around(kernel[0], causal), repeat

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """b f h w d -> b f h w o; with a cache, a causal one continues the frames before."""
        x = with_neighbors(x, self.around, self.repeat, self, cache)
        return convolve(x, self.weight, self.bias)


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
    """A 3x3x3 convolution of a video, b f h w d, with zeros around it: `FrameConv` over time.

    With `causal` it sees a frame and the two before, and with a cache it continues a stream.
    """

    def __init__(self, dim_in: int, dim_out: int, causal: bool = False):
        super().__init__()
        self.conv = Conv3d(dim_in, dim_out, causal=causal, repeat=False)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        return self.conv(x, cache)


class TimeConv(nn.Module):
    """A convolution of `kernel` frames at each place, b f h w d, with zeros before and after.

    Without `causal` the frame is in their middle; with it they are this frame and those before.
    """

    def __init__(self, dim: int, causal: bool = False, kernel: int = 3):
        super().__init__()
        self.kernel, self.around = kernel, frames_around(kernel, causal)
        self.taps = nn.Linear(kernel * dim, dim, bias=False)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """b f h w d -> b f h w d; with a cache, a causal one continues the frames before."""
        x = with_neighbors(x, self.around, False, self, cache)
        weight = self.taps.weight.unflatten(1, (self.kernel, -1)).transpose(1, 2)  # o d kf
        return convolve(x, weight[..., None, None])


def space_to_depth(x: Tensor, factors: tuple[int, int, int]) -> Tensor:
    """Move blocks of (frames, height, width) pixels into the features.

    b (f r) (h p) (w q) d -> b f h w (r p q d). The sizes must be multiples of the factors.
    """
    r, p, q = factors
    return rearrange(x, "b (f r) (h p) (w q) d -> b f h w (r p q d)", r=r, p=p, q=q)


def depth_to_space(x: Tensor, factors: tuple[int, int, int]) -> Tensor:
    """The inverse of `space_to_depth`: b f h w (r p q d) -> b (f r) (h p) (w q) d."""
    r, p, q = factors
    return rearrange(x, "b f h w (r p q d) -> b (f r) (h p) (w q) d", r=r, p=p, q=q)
