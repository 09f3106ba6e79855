"""Temporal mixers: how the frames of a video learn of each other, one signature for all.

    mixer(x: b f h w d, cache=None) -> b f h w d

A mixer keeps the shape, holds its own norm and residual path, and starts as the identity, exactly:
put behind any block of an image network it changes nothing until it is trained. A causal mixer
takes a `Cache` and continues the frames it was fed before.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from kinema.blocks.attention import AttentionSpec, Full, attention_spec
from kinema.blocks.cache import Cache, num_seen
from kinema.blocks.convolution import FrameConv, TimeConv
from kinema.blocks.motion_module import MotionModule
from kinema.blocks.transformer import RMSNorm, SelfAttention, squared_relu, time_angles
from kinema.errors import UserError
from kinema.fields import read_spec


class TemporalAttention(nn.Module):
    """x + attention(norm(x)) along time; `dim / num_heads` must be even."""

    def __init__(self, dim: int, num_heads: int, spec: AttentionSpec):
        super().__init__()
        self.head_dim = dim // num_heads
        self.norm = RMSNorm(dim)
        self.attention = SelfAttention(dim, num_heads, spec, along_time=True)
        nn.init.zeros_(self.attention.out.weight)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """b f h w d -> b f h w d; with a cache, a causal one continues the frames before."""
        b, f, h, w, _ = x.shape
        first = num_seen(cache, self.attention)
        angles = time_angles(f, self.head_dim, x.device, first)
        y = rearrange(self.norm(x), "b f h w d -> (b h w) f 1 d")
        y = self.attention(y, angles, cache)
        return x + rearrange(y, "(b h w) f 1 d -> b f h w d", b=b, h=h, w=w)


class TemporalConvolution(nn.Module):
    """x + taps(activation(norm(x))) along time, of `kernel` frames: odd unless `causal`.

    With `in_space` a 3x3 convolution goes before: what a pixel's neighbors did in other frames.
    """

    def __init__(self, dim: int, kernel: int, causal: bool, in_space: bool = False):
        super().__init__()
        self.norm = RMSNorm(dim)
        self.space = FrameConv(dim, dim) if in_space else nn.Identity()
        self.time = TimeConv(dim, causal, kernel)
        nn.init.zeros_(self.time.taps.weight)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """b f h w d -> b f h w d; with a cache, a causal one continues the frames before."""
        return x + self.time(squared_relu(self.space(self.norm(x))), cache)


# The forget gate starts at sigmoid(2) = 0.88: a memory of about eight frames.
INITIAL_BIAS = 2.0


class GatedRecurrence(nn.Module):
    """x + out(state silu(G x)); state = a state + (1 - a) z with a = sigmoid(F x) and z = Z x."""

    def __init__(self, dim: int):
        super().__init__()
        self.norm = RMSNorm(dim)
        self.forget = nn.Linear(dim, dim)
        self.write_and_read = nn.Linear(dim, 2 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)
        nn.init.constant_(self.forget.bias, INITIAL_BIAS)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """b f h w d -> b f h w d; with a cache, it continues the frames before."""
        y = self.norm(x)
        keep = torch.sigmoid(self.forget(y))
        written, gate = self.write_and_read(y).chunk(2, dim=-1)
        state = cache.get(self) if cache is not None else None
        states = []
        for a, z in zip(keep.unbind(1), written.unbind(1), strict=True):  # b h w d
            state = (1 - a) * z if state is None else torch.lerp(z, state, a)
            states.append(state)
        if cache is not None:
            cache[self] = state
        return x + self.out(torch.stack(states, dim=1) * F.silu(gate))


class NoMixing(nn.Module):
    """Frame by frame: x -> x."""

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        return x


@dataclass(frozen=True)
class Unmixed:
    """No frame sees another: the baseline that flickers."""

    kind: str = field(default="none", init=False)
    causal = True

    def make(self, dim: int) -> nn.Module:
        return NoMixing()


@dataclass(frozen=True)
class Attention:
    """Attention along time at each place."""

    kind: str = field(default="attention", init=False)
    # which frames see which: a spec (`Full()`, `Causal()`, `Windowed(8)`, `Hybrid(8, 16)`), its
    # name, or its dictionary
    frames: AttentionSpec = field(default_factory=Full)
    num_heads: int = 4  # attention heads

    def __post_init__(self):
        object.__setattr__(self, "frames", attention_spec(self.frames))
        if self.frames.pattern(0) == "space":
            raise UserError(
                f"A mixer joins frames, and {self.frames.kind} attention begins within each: "
                "choose full, causal, windowed or hybrid."
            )

    @property
    def causal(self) -> bool:
        return self.frames.causal

    def make(self, dim: int) -> nn.Module:
        if dim % (2 * self.num_heads):
            raise UserError(
                f"Attention of {self.num_heads} heads at a place with {dim} features: "
                f"2 x num_heads, {2 * self.num_heads}, must divide {dim}."
            )
        return TemporalAttention(dim, self.num_heads, self.frames)


@dataclass(frozen=True)
class Convolution:
    """Convolution along time at each place."""

    kind: str = field(default="convolution", init=False)
    kernel: int = 3  # frames that are seen; odd unless `causal`
    causal: bool = False  # see only the past and the present

    def __post_init__(self):
        if self.kernel < 1 or (self.kernel % 2 == 0 and not self.causal):
            raise UserError(
                f"Mixer {self.kind}: kernel is {self.kernel}, and must be odd, or causal."
            )

    def make(self, dim: int) -> nn.Module:
        return TemporalConvolution(dim, self.kernel, self.causal)


@dataclass(frozen=True)
class Pseudo3D(Convolution):
    """A 3x3 convolution within the frame, then one along time; attributes of `Convolution`."""

    kind: str = field(default="pseudo3d", init=False)

    def make(self, dim: int) -> nn.Module:
        return TemporalConvolution(dim, self.kernel, self.causal, in_space=True)


@dataclass(frozen=True)
class Recurrence:
    """A gated linear recurrence at each place: causal, with a memory without end."""

    kind: str = field(default="recurrence", init=False)
    causal = True

    def make(self, dim: int) -> nn.Module:
        return GatedRecurrence(dim)


@dataclass(frozen=True)
class AnimateDiff:
    """The motion module of AnimateDiff."""

    kind: str = field(default="motion", init=False)
    num_heads: int = 8  # attention heads
    num_layers: int = 1  # transformer layers
    max_frames: int = 32  # the longest clip it has positions for
    num_groups: int = 32  # of its group norm
    causal = False

    def make(self, dim: int) -> nn.Module:
        return MotionModule(dim, self.num_heads, self.num_layers, self.max_frames, self.num_groups)


MixerSpec = Unmixed | Attention | Convolution | Pseudo3D | Recurrence | AnimateDiff
MIXERS: dict[str, type[MixerSpec]] = {
    spec.kind: spec for spec in (Unmixed, Attention, Convolution, Pseudo3D, Recurrence, AnimateDiff)
}


def mixer_spec(spec: MixerSpec | str | dict[str, Any]) -> MixerSpec:
    """Return a spec from itself, its name or its dictionary; raise a UserError as `read_spec`."""
    made: MixerSpec = read_spec("mixer", MIXERS, spec)
    return made


def chunk_of(spec: MixerSpec) -> int:
    """Frames that must be fed to a causal mixer's cache together."""
    return spec.frames.chunk if isinstance(spec, Attention) else 1


def make_mixer(spec: MixerSpec | str | dict[str, Any], dim: int) -> nn.Module:
    """A new mixer of `dim` features: b f h w d -> b f h w d, the identity.

    Raises:
        UserError: if the spec is unknown or does not fit `dim`.
    """
    return mixer_spec(spec).make(dim)
