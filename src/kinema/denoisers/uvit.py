"""A convolutional skin around a diffusion transformer.

After U-ViT of simple diffusion (Hoogeboom et al. 2023): convolutions where there are many places
and outlines are drawn, attention where there are few and the scene is decided. The transformer is
`DiT` itself, which maps features to features as it would map a video to a video.

Axes: b batch, c channels, f frames, h w places, d features.
"""

from dataclasses import dataclass, field

from einops import rearrange
from torch import Tensor, nn

from kinema.blocks.attention import AttentionSpec, Full, attention_spec
from kinema.blocks.cache import Cache
from kinema.blocks.convolution import FrameConv
from kinema.blocks.space_time import SpaceTimeBlock
from kinema.blocks.transformer import TimeEmbedding, norm
from kinema.conditions import Conditions, Port
from kinema.conditions.ports import read_ports
from kinema.denoisers.denoiser import check_cache
from kinema.denoisers.dit import DiT, DiTConfig
from kinema.fields import Count, Whole
from kinema.storage.weights import PretrainedMixin


@dataclass
class UViTConfig:
    """What a UViT is.

    Attributes:
        channels: channels of the video or the latents.
        conv_dim: features of the convolutions.
        num_blocks: convolutional blocks before the transformer, and as many after it.
        dim, depth, num_heads, patch, text_dim, attention, shift, ports: of the transformer, see
            DiTConfig.
    """

    channels: Count = 16
    conv_dim: Count = 96
    num_blocks: Count = 1
    dim: Count = 256
    depth: Count = 5
    num_heads: Count = 4
    patch: tuple[Count, Count, Count] = (1, 2, 2)
    text_dim: Whole = 192
    attention: AttentionSpec = field(default_factory=Full)
    shift: bool = True
    ports: tuple[Port, ...] = ()

    def __post_init__(self):
        self.attention = attention_spec(self.attention)
        self.patch, self.ports = tuple(self.patch), read_ports(self.ports)

    @property
    def transformer(self) -> DiTConfig:
        """The transformer inside, which sees features instead of channels."""
        return DiTConfig(
            self.conv_dim, self.dim, self.depth, self.num_heads, self.patch, self.text_dim,
            self.attention, shift=self.shift, ports=self.ports,
        )  # fmt: skip


class UViT(nn.Module, PretrainedMixin, library_name="kinema", license="apache-2.0"):
    """Convolutions, a DiT, convolutions, for videos of any size and length."""

    config_class = UViTConfig

    def __init__(self, config: UViTConfig):
        super().__init__()
        self.config = config
        dim, causal = config.conv_dim, config.attention.causal
        self.time = TimeEmbedding(dim)
        self.conv_in = FrameConv(config.channels, dim)
        blocks = [SpaceTimeBlock(dim, dim, causal) for _ in range(2 * config.num_blocks)]
        self.before = nn.ModuleList(blocks[: config.num_blocks])
        self.transformer = DiT(config.transformer)
        self.after = nn.ModuleList(blocks[config.num_blocks :])
        self.conv_out = FrameConv(dim, config.channels)
        self.initialize()

    def initialize(self) -> None:
        """As torch and DiT do it; the output zero, so that a new network predicts zero."""
        nn.init.zeros_(self.conv_out.conv.weight)
        nn.init.zeros_(self.conv_out.conv.bias)

    @property
    def is_causal(self) -> bool:
        return self.transformer.is_causal

    @property
    def chunk(self) -> int:
        return self.transformer.chunk

    @property
    def can_forget(self) -> bool:
        return self.transformer.can_forget

    def forward(
        self, x: Tensor, t: Tensor, conditions: Conditions | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Predict from noisy frames; arguments, result and errors as in `DiT.forward`."""
        if cache is not None:
            check_cache(self)
        vector = self.time(t)  # b f d
        y = rearrange(x, "b c f h w -> b f h w c").to(self.conv_in.conv.weight.dtype)
        y = self.conv_in(y)  # b f h w d
        for block in self.before:
            y = block(y, vector, cache)
        features = rearrange(y, "b f h w d -> b d f h w")
        features = features + self.transformer(features, t, conditions, cache)
        y = rearrange(features, "b d f h w -> b f h w d").contiguous()
        for block in self.after:
            y = block(y, vector, cache)
        return rearrange(self.conv_out(norm(y)), "b f h w c -> b c f h w").to(x.dtype)
