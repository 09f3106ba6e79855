"""The parts of a transformer layer: self-attention, cross-attention, MLP. None adds its input.

Axes: b batch, f frames, n tokens a frame, d features, k heads, m text tokens.
"""

import torch
from einops import rearrange
from torch import Tensor, nn

from kinema.blocks.activation import squared_relu
from kinema.blocks.attention import AttentionSpec, attend, attend_video
from kinema.blocks.cache import Cache, remember
from kinema.blocks.normalization import RMSNorm
from kinema.blocks.rotary import rotary_angles, rotate, time_angles


class SelfAttention(nn.Module):
    """Attention among the tokens of a video, with qk-norm and rotary positions.

    Args:
        dim: features of a token.
        num_heads: heads; divides `dim`.
        spec: which tokens see which.
        layer: the layer's number, for specs that differ from layer to layer.
        along_time: whether its angles are `time_angles`, not `rotary_angles`.
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

    Args:
        dim: features of a token of the video.
        num_heads: heads; divides `dim`.
        dim_tokens: features of the other tokens; `dim` unless given.
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


def xavier_(network: nn.Module) -> None:
    """Every linear layer Xavier-uniform with zero bias: where a network's own choices start."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            torch.nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
