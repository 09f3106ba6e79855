"""Space-time U-Nets: one 2-D U-Net, and what joins its frames is a spec.

A U-Net works on each frame at falling resolution and back, with skips. After every block a temporal
mixer, zero at the start, may let the frames talk:
no mixer: frame by frame, the flicker baseline;
attention along time: the factorized U-Net of Video Diffusion Models (Ho et al. 2022);
`kernel` 3: every convolution sees 3x3x3 (Cicek et al. 2016, 3D U-Net);
`halves_time`: coarser levels have fewer frames as well (Bar-Tal et al. 2024, Lumiere);
a recurrence: the network streams.
One frame is an image, so images and videos train together.

Axes: b batch, c channels, f frames, h w places, d features, e features of the frame's vector.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from einops import rearrange, reduce, repeat
from torch import Tensor, nn

from kinema.blocks.attention import Framewise
from kinema.blocks.cache import Cache
from kinema.blocks.convolution import FrameConv, VideoConv
from kinema.blocks.mixers import Attention, MixerSpec, Unmixed, chunk_of, mixer_spec
from kinema.blocks.transformer import (
    CrossAttention,
    RMSNorm,
    SelfAttention,
    TimeEmbedding,
    check_heads,
    gated,
    modulate,
    norm,
    pad_to_multiple,
    rotary_angles,
    squared_relu,
)
from kinema.conditions import Conditions, Port, Ports, Tokens
from kinema.conditions.ports import (
    PortAttention,
    TokenSequence,
    has_tokens,
    read_ports,
    zero_ports_,
)
from kinema.denoisers.denoiser import check_cache
from kinema.errors import UserError
from kinema.fields import Count, Whole, check_fields
from kinema.storage.weights import PretrainedMixin


@dataclass
class UNetConfig:
    """What a UNet is."""

    channels: Count = 16  # channels of the video or the latents
    # features of each level; each level halves height and width. Multiples of 8 x num_heads.
    dims: tuple[Count, ...] = (128, 224)
    num_blocks: Count = 2  # blocks a level on the way down, and as many on the way up
    num_heads: Count = 4  # attention heads
    # the levels that have attention within the frame and to the text, 0 the finest
    attention_levels: tuple[Whole, ...] = (1,)
    # what joins the frames after every block: a spec, its name, or its dictionary
    mixer: MixerSpec = field(default_factory=Attention)
    mixer_levels: tuple[Whole, ...] = ()  # the levels that have it; all of them if empty
    kernel: int = 1  # frames that the convolutions see, 1 or 3
    halves_time: bool = False  # whether each coarser level also halves the frames
    text_dim: Whole = 192  # features of the text tokens; 0 makes a network without text
    # whether convolutions of 3 frames see the past ones instead of both neighbors
    causal: bool = False
    # the conditions beside text that the network takes in, or their dictionaries; tokens are read
    # at the attention levels
    ports: tuple[Port, ...] = ()

    def __post_init__(self):
        self.ports = read_ports(self.ports)
        self.dims, self.attention_levels = tuple(self.dims), tuple(self.attention_levels)
        self.mixer = mixer_spec(self.mixer)
        self.mixer_levels = tuple(self.mixer_levels) or tuple(range(len(self.dims)))
        check_fields(self, "UNet: ")
        for dim in self.dims:
            check_heads("UNet: one of dims", dim, self.num_heads)
        for name in ("attention_levels", "mixer_levels"):
            if not set(getattr(self, name)) <= set(range(len(self.dims))):
                raise UserError(
                    f"UNet: {name} is {getattr(self, name)}, and dims has the levels 0 to "
                    f"{len(self.dims) - 1}."
                )
        if self.kernel not in (1, 3):
            raise UserError(f"UNet: kernel is {self.kernel}, and must be 1 or 3 frames.")
        if has_tokens(self.ports) and not self.attention_levels:
            raise UserError("UNet: a port of tokens is read by attention: name attention_levels.")

    @property
    def is_causal(self) -> bool:
        """Whether no frame sees a later one."""
        convolutions = self.causal or self.kernel == 1
        return self.mixer.causal and convolutions and not self.halves_time


class ConvBlock(nn.Module):
    """x + gate conv(conv(x)), modulated by the frame's vector."""

    def __init__(self, dim: int, dim_vector: int, config: UNetConfig):
        super().__init__()
        self.modulation = nn.Linear(dim_vector, 3 * dim)
        self.conv1 = (
            FrameConv(dim, dim) if config.kernel == 1 else VideoConv(dim, dim, config.causal)
        )
        self.conv2 = FrameConv(dim, dim)

    def forward(self, x: Tensor, vector: Tensor, cache: Cache | None) -> Tensor:
        # x: b f h w d, vector: b f e
        vectors = self.modulation(F.silu(vector))[:, :, None, None]
        shift, scale, gate = vectors.chunk(3, dim=-1)
        y = self.conv1(modulate(x, shift, scale), cache)
        return gated(x, gate, self.conv2(squared_relu(y)))


class AttentionBlock(nn.Module):
    """Attention within each frame, and to the text, each added to its input."""

    def __init__(self, dim: int, config: UNetConfig):
        super().__init__()
        self.num_heads = config.num_heads
        self.norm, self.text_norm = RMSNorm(dim), RMSNorm(dim)
        self.space = SelfAttention(dim, config.num_heads, Framewise())
        if config.text_dim:
            self.text_in = nn.Linear(config.text_dim, dim)
            self.text = CrossAttention(dim, config.num_heads)
        if has_tokens(config.ports):
            self.port_attention = PortAttention(dim, config.num_heads, config.dims[0])

    def forward(
        self, x: Tensor, text: Tokens | None, others: TokenSequence | None = None
    ) -> Tensor:
        # x: b f h w d
        f, h, w, dim = x.shape[1:]
        angles = rotary_angles((f, h, w), dim // self.num_heads, x.device)
        x = x.flatten(2, 3)
        x = x + self.space(self.norm(x), angles)
        if text is not None:
            tokens = self.text_in(text.tokens.to(x.dtype))
            x = x + self.text(self.text_norm(x), tokens, text.weights)
        x = x.unflatten(2, (h, w))
        return x if others is None else self.port_attention(x, others)


class Stage(nn.Module):
    """One block of a level: convolutions, attention where the level has it, then the mixer."""

    def __init__(self, level: int, dim_vector: int, config: UNetConfig):
        super().__init__()
        dim = config.dims[level]
        self.conv = ConvBlock(dim, dim_vector, config)
        has_attention = level in config.attention_levels
        self.attention = AttentionBlock(dim, config) if has_attention else None
        mixer = config.mixer if level in config.mixer_levels else Unmixed()
        self.mixer = mixer.make(dim)

    def forward(
        self, x: Tensor, vector: Tensor, text: Tokens | None, cache: Cache | None,
        others: TokenSequence | None = None,
    ) -> Tensor:  # fmt: skip
        x = self.conv(x, vector, cache)
        if self.attention is not None:
            x = self.attention(x, text, others)
        return self.mixer(x, cache)


class UNet(nn.Module, PretrainedMixin, library_name="kinema", license="apache-2.0"):
    """A space-time U-Net for videos of any size and length.

    Frames, rows and columns that the halvings leave over are padded and cut off again.
    """

    config_class: type = UNetConfig

    def __init__(self, config: UNetConfig):
        super().__init__()
        self.config = config
        dims = config.dims
        dim_vector = 2 * dims[0]
        self.ports = Ports(config.ports, (1, 1, 1), dims[0], dim_vector)
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
        frames = 2 if config.halves_time else 1
        for dim, coarser in zip(dims[:-1], dims[1:], strict=True):
            self.coarsen.append(FrameConv(frames * dim, coarser, stride=2))
            self.refine.append(FrameConv(coarser, frames * dim))
        self.conv_out = FrameConv(dims[0], config.channels)
        self.initialize()

    def initialize(self) -> None:
        """As torch does it, except: what adds to the features starts at zero (the gates of the
        convolutions, the ways out of attention, the ports; mixers see to it themselves), so a new
        block is the identity; and so does the output, so a new network predicts zero.
        """
        zero_ports_(self)
        for module in self.modules():
            if isinstance(module, ConvBlock):
                nn.init.zeros_(module.modulation.weight)
                nn.init.zeros_(module.modulation.bias)
            if isinstance(module, AttentionBlock):
                nn.init.zeros_(module.space.out.weight)
                if self.config.text_dim:
                    nn.init.zeros_(module.text.out.weight)
        nn.init.zeros_(self.conv_out.conv.weight)
        nn.init.zeros_(self.conv_out.conv.bias)

    def forward(
        self, x: Tensor, t: Tensor, conditions: Conditions | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Predict from noisy frames; arguments, result and errors as in `DiT.forward`."""
        if cache is not None:
            check_cache(self)
        given = self.ports.given(conditions, x)
        text = conditions.text if conditions is not None and self.config.text_dim else None
        padded = pad_to_multiple(x, self.multiple)
        padded = padded.to(self.conv_in.conv.weight.dtype)
        y = self.conv_in(rearrange(padded, "b c f h w -> b f h w c"))  # b f h w d
        y = self.ports.onto_patches(y, given, self.multiple)
        vector = self.ports.onto_time(self.time(t), given)  # b f e
        vectors = self.vectors(vector, text)  # b f e at every level
        others = self.ports.sequence(given)  # b m d
        skips = []
        for level, stages in enumerate(self.down):
            for stage in stages:
                y = stage(y, vectors[level], text, cache, others)
            skips.append(y)
            if level < len(self.coarsen):
                y = self.coarsen[level](self.join_frames(y))  # b f/2 h/2 w/2 d'
        for level in reversed(range(len(self.up))):
            y = self.join[level](torch.cat([y, skips[level]], dim=-1))
            for stage in self.up[level]:
                y = stage(y, vectors[level], text, cache, others)
            if level > 0:
                y = self.part_frames(self.refine[level - 1](repeat_places(y)))  # b 2f 2h 2w d'
        output = rearrange(self.conv_out(norm(y)), "b f h w c -> b c f h w")
        return output[:, :, : x.shape[2], : x.shape[3], : x.shape[4]].to(x.dtype)

    @property
    def multiple(self) -> tuple[int, int, int]:
        """Frames, rows and columns are padded to multiples of these."""
        places = 2 ** len(self.coarsen)
        return (places if self.config.halves_time else 1, places, places)

    def join_frames(self, y: Tensor) -> Tensor:
        """Put pairs of frames side by side in the features where time is halved; b f h w d."""
        p = 2 if self.config.halves_time else 1
        return rearrange(y, "b (f p) h w d -> b f h w (p d)", p=p)

    def part_frames(self, y: Tensor) -> Tensor:
        """The inverse of `join_frames`."""
        p = 2 if self.config.halves_time else 1
        return rearrange(y, "b f h w (p d) -> b (f p) h w d", p=p)

    def vectors(self, vector: Tensor, text: Tokens | None) -> list[Tensor]:
        """What modulates each frame at each level, b f e: its own vector and the whole prompt.

        A frame that stands for several has the mean of their vectors.
        """
        if text is not None:
            summary = text.summary(lambda mean: self.text_summary(mean.to(vector.dtype)))
            vector = vector + summary[:, None]
        if not self.config.halves_time:
            return [vector] * len(self.config.dims)
        missing = -vector.shape[1] % self.multiple[0]
        vector = torch.cat([vector, repeat(vector[:, -1], "b e -> b f e", f=missing)], dim=1)
        levels = [vector]
        for _ in self.coarsen:
            levels.append(reduce(levels[-1], "b (f p) e -> b f e", "mean", p=2))
        return levels

    @property
    def is_causal(self) -> bool:
        return self.config.is_causal

    @property
    def chunk(self) -> int:
        return chunk_of(self.config.mixer)

    can_forget = True  # every frame has entries of its own


def repeat_places(x: Tensor) -> Tensor:
    """Double height and width by repeating, b f h w d."""
    return repeat(x, "b f h w d -> b f (h p) (w q) d", p=2, q=2)
