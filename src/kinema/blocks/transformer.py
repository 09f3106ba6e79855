"""What a transformer is made of: patches, times, norms, positions, attention, MLP.

The parts of a layer (self-attention, cross-attention, MLP) do not add their input.

Axes: b batch, f frames, n tokens a frame, d features, k heads, m text tokens.
"""

import math
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from kinema.blocks.attention import AttentionSpec, attend, attend_video
from kinema.blocks.cache import Cache, remember
from kinema.errors import UserError


def squared_relu(x: Tensor) -> Tensor:
    """max(x, 0)^2, any shape."""
    return SquaredReLU.apply(x)


class SquaredReLU(torch.autograd.Function):
    """y = r r with r = max(x, 0); dx = 2 r dy, all in the type of `x` also under autocast."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        r = F.relu(x)
        ctx.save_for_backward(r)
        return r * r

    @staticmethod
    def backward(ctx, grad: Tensor):
        (r,) = ctx.saved_tensors
        return (r * grad).mul_(2)


def norm(x: Tensor) -> Tensor:
    """Layer normalization over the last axis, without parameters."""
    return F.layer_norm(x, x.shape[-1:], eps=1e-6)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """norm(x) (1 + scale) + shift."""
    return torch.addcmul(shift, norm(x), 1 + scale)


def gated(x: Tensor, gate: Tensor, branch: Tensor) -> Tensor:
    """The residual sum x + gate * branch; a zero gate leaves x as it is."""
    return torch.addcmul(x, gate, branch)


EPS = 1e-6


class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + 1e-6) * gain; the gain is learned and starts at one."""

    def __init__(self, dim: int):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        # Cast the gain: with another type than x the fused kernels are left.
        gain = self.gain.to(x.dtype)
        if x.device.type == "cpu":
            return FusedRMSNorm.apply(x, gain)
        return F.rms_norm(x, x.shape[-1:], gain, eps=EPS)


class FusedRMSNorm(torch.autograd.Function):
    """y = n g with n = x r and r = 1 / rms(x)."""

    @staticmethod
    def forward(ctx, x: Tensor, gain: Tensor) -> Tensor:
        wide = torch.promote_types(x.dtype, torch.float32)
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=wide)
        r = torch.rsqrt(norm.square() / x.shape[-1] + EPS).to(x.dtype)
        ctx.save_for_backward(x, r, gain)
        return (x * r).mul_(gain)

    @staticmethod
    def backward(ctx, grad: Tensor):
        # dx = r (g dy - n mean(n g dy)),  dg = sum over all rows of n dy
        x, r, gain = ctx.saved_tensors
        n = x * r
        n_grad = n * grad
        d_gain = n_grad.flatten(0, -2).sum(0)
        mean = (n_grad @ gain[:, None]) / x.shape[-1]
        dx = torch.mul(grad, gain, out=n_grad)  # in memory that the cache still holds
        return dx.addcmul_(n, mean, value=-1).mul_(r), d_gain


def sinusoids(t: Tensor, dim: int) -> Tensor:
    """cos and sin of 1000 t at `dim / 2` frequencies from 1 to 1/10000: (..., dim), fp32.

    Times live in [0, 1] everywhere else; the factor of 1000 is the convention of DDPM and DiT.
    """
    frequencies = torch.exp(-math.log(1e4) * torch.arange(dim // 2, device=t.device) / (dim // 2))
    angles = 1000 * t.float()[..., None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class TimeEmbedding(nn.Module):
    """t in [0, 1], any shape -> (..., dim), by sinusoids and a two-layer network."""

    def __init__(self, dim: int, num_sinusoids: int = 256):
        super().__init__()
        self.num_sinusoids = num_sinusoids
        self.up = nn.Linear(num_sinusoids, dim)
        self.down = nn.Linear(dim, dim)

    def forward(self, t: Tensor) -> Tensor:
        features = sinusoids(t, self.num_sinusoids).to(self.up.weight.dtype)
        return self.down(F.silu(self.up(features)))


def patchify(x: Tensor, patch: tuple[int, int, int]) -> Tensor:
    """Cut a video b c (f p) (h q) (w r) into patches b f h w (c p q r), a token each."""
    p, q, r = patch
    return rearrange(x, "b c (f p) (h q) (w r) -> b f h w (c p q r)", p=p, q=q, r=r)


def unpatchify(tokens: Tensor, patch: tuple[int, int, int]) -> Tensor:
    """The inverse of `patchify`."""
    p, q, r = patch
    return rearrange(tokens, "b f h w (c p q r) -> b c (f p) (h q) (w r)", p=p, q=q, r=r)


def pad_to_multiple(x: Tensor, patch: tuple[int, int, int]) -> Tensor:
    """Repeat the last frame, row and column of b c f h w until patches fill it exactly."""
    missing = [-length % size for length, size in zip(x.shape[2:], patch, strict=True)]
    if not any(missing):
        return x
    f, h, w = missing
    return F.pad(x, (0, w, 0, h, 0, f), mode="replicate")


Reach = Literal["everywhere", "past", "frame", "nowhere"]
# How many of the six moves a reach allows: left, right, up, down, from before, from after.
MOVES: dict[Reach, int] = {"everywhere": 6, "past": 5, "frame": 4, "nowhere": 0}


class TokenShift(nn.Module):
    """`token_shift` as a layer, which can remember the last frame of the chunk before."""

    def __init__(self, reach: Reach = "everywhere"):
        super().__init__()
        self.reach = reach

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """b f h w d -> b f h w d; with a cache, `x` continues the chunk that was seen before it."""
        if cache is None or self.reach != "past":
            return token_shift(x, self.reach)
        before = cache.get(self)
        cache[self] = x[:, -1:].clone()  # a view would keep the whole chunk alive
        if before is None:
            return token_shift(x, self.reach)
        return token_shift(torch.cat([before, x], dim=1), self.reach)[:, 1:]


def token_shift(x: Tensor, reach: Reach = "everywhere") -> Tensor:
    """Shift eighths of the channels of `x`, b f h w d, by one token; zeros enter at the borders.

    With the reach "past" the eighth of the following frame stays, so the future never leaks; with
    "frame" that of the frame before stays too, and "nowhere" changes nothing.
    """
    return Shift.apply(x, MOVES[reach], 1) if MOVES[reach] else x


class Shift(torch.autograd.Function):
    """The gradient of a shift is the opposite shift."""

    @staticmethod
    def forward(ctx, x: Tensor, num_moves: int, step: int) -> Tensor:
        ctx.num_moves, ctx.step = num_moves, step
        return shift_all(x, num_moves, step)

    @staticmethod
    def backward(ctx, grad: Tensor):
        return shift_all(grad, ctx.num_moves, -ctx.step), None, None


def shift_all(x: Tensor, num_moves: int, step: int) -> Tensor:
    """Move eighths of the channels by +-`step` along w, h and f: one gather, and zeros after it."""
    b, f, h, w, d = x.shape
    taken, borders = (torch.from_numpy(i).to(x.device) for i in sources(f, h, w, num_moves, step))
    y = x.reshape(b, -1, d // 8).index_select(1, taken)  # b (f h w 8) d/8
    return y.index_fill_(1, borders, 0).view(x.shape)


@lru_cache(maxsize=16)
def sources(f: int, h: int, w: int, num_moves: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the eighths (f h w 8) of a shifted video come from, and which of them become zero."""
    places = np.arange(f * h * w * 8).reshape(f, h, w, 8)
    taken, inside = places.copy(), np.ones_like(places, dtype=bool)
    moves = [(2, step), (2, -step), (1, step), (1, -step), (0, step), (0, -step)]
    for eighth, (axis, by) in enumerate(moves[:num_moves]):
        taken[..., eighth] = np.roll(places[..., eighth], by, axis)
        border = (slice(None),) * axis + (0 if by > 0 else -1,)
        inside[..., eighth][border] = False
    return taken.ravel(), np.flatnonzero(~inside)


# The slowest pair turns once in 2 pi 100 tokens: latents are tens of tokens long, not thousands.
BASE = 100.0


def rotary_angles(
    grid: tuple[int, int, int],
    head_dim: int,
    device: torch.device | None = None,
    first_frame: int = 0,
) -> Tensor:
    """Angles of every token of a (f, h, w) grid in raster order: (f h w, head_dim / 2), fp32.

    `head_dim` must be even and at least 6, so that every axis has a pair. In a stream,
    `first_frame` is the number of the grid's first frame.
    """
    pairs = head_dim // 2
    along_space = (pairs - pairs // 4) // 2
    counts = (pairs - 2 * along_space, along_space, along_space)
    angles = []
    for axis, (length, count) in enumerate(zip(grid, counts, strict=True)):
        frequencies = BASE ** -(torch.arange(count, device=device) / count)
        first = first_frame if axis == 0 else 0
        turned = torch.arange(first, first + length, device=device)[:, None] * frequencies
        shape = [1, 1, 1, count]
        shape[axis] = length
        angles.append(turned.view(shape).expand(*grid, count))
    return torch.cat(angles, dim=-1).flatten(0, 2)


def time_angles(
    num_frames: int, head_dim: int, device: torch.device | None = None, first_frame: int = 0
) -> Tensor:
    """Angles where only time counts, all pairs turning with the frame: (f, head_dim / 2), fp32."""
    pairs = head_dim // 2
    frequencies = BASE ** -(torch.arange(pairs, device=device) / pairs)
    frames = torch.arange(first_frame, first_frame + num_frames, device=device)
    return frames[:, None] * frequencies


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Turn the pairs (i, i + d/2) of the last axis of `x`, (..., n, d), by `angles`, (n, d/2)."""
    return Rotation.apply(x, angles.cos().to(x.dtype), angles.sin().to(x.dtype))


class Rotation(torch.autograd.Function):
    """y = R x in four half-width passes; the gradient is the opposite turn, R^T dy."""

    @staticmethod
    def forward(ctx, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return turn(x, cos, sin)

    @staticmethod
    def backward(ctx, grad: Tensor):
        cos, sin = ctx.saved_tensors
        return turn(grad, cos, -sin), None, None


def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """The plane rotation (x1 cos - x2 sin, x1 sin + x2 cos) of the two halves of the channels."""
    x1, x2 = x.chunk(2, dim=-1)
    y = torch.empty_like(x)
    y1, y2 = y.chunk(2, dim=-1)
    torch.mul(x1, cos, out=y1).addcmul_(x2, sin, value=-1)
    torch.mul(x1, sin, out=y2).addcmul_(x2, cos)
    return y


class SelfAttention(nn.Module):
    """Attention among the tokens of a video, with qk-norm and rotary positions.

    `spec` says which tokens see which, by the number of the layer where layers differ. With
    `along_time` its angles are `time_angles`, not `rotary_angles`.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        spec: AttentionSpec,
        layer: int = 0,
        along_time: bool = False,
    ):
        super().__init__()
        self.num_heads, self.spec, self.layer = num_heads, spec, layer
        self.along_time = along_time
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.q_norm = RMSNorm(dim // num_heads)
        self.k_norm = RMSNorm(dim // num_heads)
        self.out = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, angles: Tensor, cache: Cache | None = None) -> Tensor:
        """Let the tokens see each other.

        Args:
            x: b f n d.
            angles: (f n) d/2k, as `rotary_angles` gives them.
            cache: what earlier frames left, if `x` continues a stream; `angles` goes on there too.

        Returns:
            b f n d.
        """
        q, k, v = self.heads(x, angles)
        frames = None
        if cache is not None and self.spec.pattern(self.layer) != "space":
            k, v, frames = remember(cache, self, k, v, self.spec)
        y = attend_video(q, k, v, self.spec, self.layer, frames)
        return self.out(rearrange(y, "b k f n d -> b f n (k d)"))

    def heads(self, x: Tensor, angles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalized and turned queries and keys, and values: b k f n d each."""
        qkv = rearrange(self.qkv(x), "b f n (s k d) -> s b k (f n) d", s=3, k=self.num_heads)
        q, k, v = qkv.contiguous().unbind()
        q, k = rotate(self.q_norm(q), angles), rotate(self.k_norm(k), angles)
        f = x.shape[1]
        q, k, v = (rearrange(y, "b k (f n) d -> b k f n d", f=f) for y in (q, k, v))
        return q, k, v

    def moved(self, k: Tensor, num_frames: int) -> Tensor:
        """Turned keys b k f n d as they would be so many frames later."""
        if self.along_time:
            return rotate(k, time_angles(1, k.shape[-1], k.device, num_frames))
        return rotate(k, rotary_angles((1, 1, 1), k.shape[-1], k.device, num_frames))


class CrossAttention(nn.Module):
    """Attention of the tokens of a video to other tokens, such as those of a text, with qk-norm.

    The other tokens have `dim_tokens` features; `dim` unless given.
    """

    def __init__(self, dim: int, num_heads: int, dim_tokens: int | None = None):
        super().__init__()
        self.num_heads = num_heads
        self.q = nn.Linear(dim, dim, bias=False)
        self.kv = nn.Linear(dim_tokens or dim, 2 * dim, bias=False)
        self.q_norm = RMSNorm(dim // num_heads)
        self.k_norm = RMSNorm(dim // num_heads)
        self.out = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, tokens: Tensor, weights: Tensor) -> Tensor:
        """Read the tokens.

        Args:
            x: b f n d.
            tokens: b m d.
            weights: b m, how strongly the values of each token count; 0 hides the token. A row of
                which all are hidden reads zero.

        Returns:
            b f n d.
        """
        q = rearrange(self.q(x), "b f n (k d) -> b k (f n) d", k=self.num_heads)
        kv = rearrange(self.kv(tokens), "b m (s k d) -> s b k m d", s=2, k=self.num_heads)
        k, v = kv.unbind()
        v = v * weights[:, None, :, None].to(v.dtype)
        seen = weights > 0
        seen = seen | ~seen.any(1, keepdim=True)  # softmax needs a key, and its value is zero
        y = attend(self.q_norm(q), self.k_norm(k), v, seen[:, None])
        return self.out(rearrange(y, "b k (f n) d -> b f n (k d)", f=x.shape[1]))


class MLP(nn.Module):
    """Two layers with a squared ReLU between, `ratio` times as wide."""

    def __init__(self, dim: int, ratio: int = 4):
        super().__init__()
        self.up = nn.Linear(dim, ratio * dim, bias=False)
        self.down = nn.Linear(ratio * dim, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(squared_relu(self.up(x)))


def check_heads(kind: str, dim: int, num_heads: int) -> None:
    """Raise a UserError unless features can be shared by heads, and shifted by eighths."""
    if dim % (8 * num_heads):
        raise UserError(
            f"{kind} is {dim}, and must be a multiple of 8 x num_heads, that is of {8 * num_heads}."
        )


def xavier_(network: nn.Module) -> None:
    """Every linear layer Xavier-uniform with zero bias: where a network's own choices start."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            torch.nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
