"""Factorised space-time U-Net.

Ho et al. 2022 (Video Diffusion Models): a 2-D U-Net whose convolutions and attention work within
each frame, and attention along time at each place in between; here the convolution is (2+1)-D as
well, and each frame has its own time.

Axes: b batch, c channels, f frames, h w places, d features, e features of the frame's vector.
"""

from dataclasses import dataclass

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from kinema.blocks.attention import Factorized
from kinema.blocks.embedding import TimeEmbedding, pad_to_multiple
from kinema.blocks.modulation import norm
from kinema.blocks.normalization import RMSNorm
from kinema.blocks.pretrained import PretrainedMixin
from kinema.blocks.rotary import rotary_angles
from kinema.blocks.space_time import FrameConv, SpaceTimeBlock
from kinema.blocks.transformer import CrossAttention, SelfAttention
from kinema.conditions import Conditions, Text
from kinema.errors import UserError


@dataclass
class UNetConfig:
    """What a UNet is.

    Attributes:
        channels: channels of the video or the latents.
        dims: features of each level; each level halves height and width. Multiples of
            8 x num_heads.
        num_blocks: blocks a level on the way down, and as many on the way up.
        num_heads: attention heads.
        attention_levels: the levels that have attention, 0 the finest.
        text_dim: features of the text tokens; 0 makes a network without text.
        causal: along time, see only the past and the present.
    """

    channels: int = 16
    dims: tuple[int, ...] = (128, 192)
    num_blocks: int = 2
    num_heads: int = 4
    attention_levels: tuple[int, ...] = (1,)
    text_dim: int = 192
    causal: bool = False

    def __post_init__(self):
        self.dims, self.attention_levels = tuple(self.dims), tuple(self.attention_levels)
        for dim in self.dims:
            if dim % (8 * self.num_heads):
                raise UserError(
                    f"UNet: dims holds {dim}, and must hold multiples of 8 x num_heads, that is "
                    f"of {8 * self.num_heads}."
                )
        if not set(self.attention_levels) <= set(range(len(self.dims))):
            raise UserError(
                f"UNet: attention_levels is {self.attention_levels}, and dims has the levels "
                f"0 to {len(self.dims) - 1}."
            )


class AttentionBlock(nn.Module):
    """Attention within each frame, along time, and to the text, each added to its input."""

    def __init__(self, dim: int, config: UNetConfig):
        super().__init__()
        spec = Factorized(causal=config.causal)
        self.num_heads = config.num_heads
        self.norms = nn.ModuleList(RMSNorm(dim) for _ in range(3))
        self.space = SelfAttention(dim, config.num_heads, spec, layer=0)
        self.time = SelfAttention(dim, config.num_heads, spec, layer=1)
        if config.text_dim:
            self.text_in = nn.Linear(config.text_dim, dim)
            self.text = CrossAttention(dim, config.num_heads)
            nn.init.zeros_(self.text.out.weight)
        nn.init.zeros_(self.space.out.weight)
        nn.init.zeros_(self.time.out.weight)

    def forward(self, x: Tensor, text: Text | None) -> Tensor:  # x: b f h w d
        f, h, w, dim = x.shape[1:]
        angles = rotary_angles((f, h, w), dim // self.num_heads, x.device)
        x = x.flatten(2, 3)
        x = x + self.space(self.norms[0](x), angles)
        x = x + self.time(self.norms[1](x), angles)
        if text is not None:
            tokens = self.text_in(text.tokens.to(x.dtype))
            x = x + self.text(self.norms[2](x), tokens, text.mask)
        return x.unflatten(2, (h, w))


class Stage(nn.Module):
    """One block of a level: convolutions, then attention where the level has it."""

    def __init__(self, level: int, dim_vector: int, config: UNetConfig):
        super().__init__()
        dim = config.dims[level]
        self.conv = SpaceTimeBlock(dim, dim_vector, config.causal)
        has_attention = level in config.attention_levels
        self.attention = AttentionBlock(dim, config) if has_attention else None

    def forward(self, x: Tensor, vector: Tensor, text: Text | None) -> Tensor:
        x = self.conv(x, vector)
        return x if self.attention is None else self.attention(x, text)


class UNet(nn.Module, PretrainedMixin, library_name="kinema", license="apache-2.0"):
    """A space-time U-Net for videos of any size and length.

    Rows and columns that the halvings leave over are padded and cut off again.
    """

    config_class = UNetConfig

    def __init__(self, config: UNetConfig):
        super().__init__()
        self.config = config
        dims = config.dims
        dim_vector = 2 * dims[0]
        self.time = TimeEmbedding(dim_vector)
        if config.text_dim:
            self.text_summary = nn.Linear(config.text_dim, dim_vector)
        self.conv_in = FrameConv(config.channels, dims[0])
        self.down, self.up, self.join = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        self.coarsen, self.refine = nn.ModuleList(), nn.ModuleList()
        for level, dim in enumerate(dims):
            for way in (self.down, self.up):
                stages = [Stage(level, dim_vector, config) for _ in range(config.num_blocks)]
                way.append(nn.ModuleList(stages))
            self.join.append(nn.Linear(2 * dim, dim))
        for dim, coarser in zip(dims[:-1], dims[1:], strict=True):
            self.coarsen.append(FrameConv(dim, coarser, stride=2))
            self.refine.append(FrameConv(coarser, dim))
        self.conv_out = FrameConv(dims[0], config.channels)
        self.initialize()

    def initialize(self) -> None:
        """As torch does it; blocks start as the identity (their gates and ways out are zero), and
        the output is zero, so that a new network predicts zero.
        """
        nn.init.zeros_(self.conv_out.conv.weight)
        nn.init.zeros_(self.conv_out.conv.bias)

    def forward(self, x: Tensor, t: Tensor, conditions: Conditions | None = None) -> Tensor:
        """Predict from noisy frames; arguments and result as in `DiT.forward`."""
        text = conditions.text if conditions is not None and self.config.text_dim else None
        vector = self.vector(t, text)  # b f e
        multiple = 2 ** len(self.coarsen)
        padded = pad_to_multiple(x, (1, multiple, multiple))
        y = self.conv_in(rearrange(padded, "b c f h w -> b f h w c"))  # b f h w d
        skips = []
        for level, stages in enumerate(self.down):
            for stage in stages:
                y = stage(y, vector, text)
            skips.append(y)
            if level < len(self.coarsen):
                y = self.coarsen[level](y)  # b f h/2 w/2 d'
        for level in reversed(range(len(self.up))):
            y = self.join[level](torch.cat([y, skips[level]], dim=-1))
            for stage in self.up[level]:
                y = stage(y, vector, text)
            if level > 0:
                y = self.refine[level - 1](repeat_places(y))  # b f 2h 2w d'
        output = rearrange(self.conv_out(norm(y)), "b f h w c -> b c f h w")
        return output[..., : x.shape[3], : x.shape[4]].to(x.dtype)

    def vector(self, t: Tensor, text: Text | None) -> Tensor:
        """What modulates each frame: its time, and the mean of the prompt; b f e."""
        vector = self.time(t)
        if text is None:
            return vector
        return vector + self.text_summary(text.mean().to(vector.dtype))[:, None]


def repeat_places(x: Tensor) -> Tensor:
    """Double height and width by repeating, b f h w d."""
    return repeat(x, "b f h w d -> b f (h p) (w q) d", p=2, q=2)
