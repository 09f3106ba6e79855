"""Diffusion transformer over spacetime patches.

Peebles & Xie 2023 (DiT), made for video as in Wan (2025) and given one noise level a frame as in
Diffusion Forcing (Chen et al. 2024): the tokens of a frame are modulated by that frame's own time.
Which tokens see which is a spec: all, within frames and along time in turns, or the past only, and
then a cache holds the past (CausVid, Yin et al. 2024).
It knows no schedule: it maps (x, t, conditions) to whatever it was trained to predict.

Axes: b batch, c channels, f frames, h w places, n tokens a frame, d features, k heads, l layers,
m text tokens.
"""

from dataclasses import dataclass, field, replace
from math import lcm

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from kinema.blocks.attention import AttentionSpec, Framewise, Full, attention_spec
from kinema.blocks.cache import Cache
from kinema.blocks.mixers import MixerSpec, Unmixed, chunk_of, mixer_spec
from kinema.blocks.transformer import (
    MLP,
    CrossAttention,
    Reach,
    RMSNorm,
    SelfAttention,
    TimeEmbedding,
    TokenShift,
    check_heads,
    gated,
    modulate,
    pad_to_multiple,
    patchify,
    rotary_angles,
    unpatchify,
    xavier_,
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
class DiTConfig:
    """What a DiT is."""

    channels: Count = 16  # channels of the video or the latents
    dim: Count = 256  # features of a token; a multiple of `num_heads`
    depth: Count = 6  # layers
    num_heads: Count = 4  # attention heads
    patch: tuple[Count, Count, Count] = (1, 2, 2)  # frames, rows and columns a token covers
    text_dim: Whole = 192  # features of the text tokens; 0 makes a network without text
    # which tokens see which: a spec, its name, or its dictionary
    attention: AttentionSpec = field(default_factory=Full)
    # what else joins the frames, behind the attention of every layer: a spec, its name or its
    # dictionary. With `Framewise()` attention it is all that does.
    mixer: MixerSpec = field(default_factory=Unmixed)
    shift: bool = True  # whether tokens see their neighbors through `token_shift`
    mlp_ratio: Count = 4  # width of the MLP over `dim`
    # the conditions beside text that the network takes in, or their dictionaries
    ports: tuple[Port, ...] = ()

    def __post_init__(self):
        self.attention, self.mixer = attention_spec(self.attention), mixer_spec(self.mixer)
        self.patch, self.ports = tuple(self.patch), read_ports(self.ports)
        check_fields(self, "DiT: ")
        check_heads("DiT: dim", self.dim, self.num_heads)

    @property
    def causal(self) -> bool:
        """Whether no frame sees a later one."""
        return self.attention.causal and self.mixer.causal

    @property
    def reach(self) -> Reach:
        """From where `token_shift` may take."""
        if not self.shift:
            return "nowhere"
        if isinstance(self.attention, Framewise):
            return "frame"
        return "past" if self.attention.causal else "everywhere"


class Block(nn.Module):
    """Self-attention, cross-attention and MLP, the first and the last gated by the frame's time."""

    def __init__(self, config: DiTConfig, layer: int):
        super().__init__()
        self.attention = SelfAttention(config.dim, config.num_heads, config.attention, layer)
        self.mixer = config.mixer.make(config.dim)
        self.mlp = MLP(config.dim, config.mlp_ratio)
        self.shift1, self.shift2 = TokenShift(config.reach), TokenShift(config.reach)
        if config.text_dim:
            self.text_norm = RMSNorm(config.dim)
            self.text_attention = CrossAttention(config.dim, config.num_heads)
        if has_tokens(config.ports):
            self.port_attention = PortAttention(config.dim, config.num_heads)

    def forward(
        self, x: Tensor, modulation: Tensor, angles: Tensor, text: Tokens | None,
        cache: Cache | None = None, others: TokenSequence | None = None,
    ) -> Tensor:  # fmt: skip
        # x: b f h w d, modulation: b f 1 1 6 d
        h, w = x.shape[2:4]
        shift1, scale1, gate1, shift2, scale2, gate2 = modulation.unbind(-2)
        y = modulate(x, shift1, scale1)
        y = self.shift1(y, cache).flatten(2, 3)  # b f n d
        x = gated(x, gate1, self.attention(y, angles, cache).unflatten(2, (h, w)))
        x = self.mixer(x, cache)
        if text is not None:
            y = self.text_norm(x).flatten(2, 3)
            x = x + self.text_attention(y, text.tokens, text.weights).unflatten(2, (h, w))
        if others is not None:
            x = self.port_attention(x, others)
        y = self.shift2(modulate(x, shift2, scale2), cache)
        return gated(x, gate2, self.mlp(y))


class DiT(nn.Module, PretrainedMixin, library_name="kinema", license="apache-2.0"):
    """A diffusion transformer for videos of any size and length.

    Frames, rows and columns that no whole patch covers are padded and cut off again.
    """

    config_class = DiTConfig

    def __init__(self, config: DiTConfig):
        super().__init__()
        self.config = config
        dim, (p, q, r) = config.dim, config.patch
        self.patches_in = nn.Linear(config.channels * p * q * r, dim)
        self.ports = Ports(config.ports, config.patch, dim)
        self.time = TimeEmbedding(dim)
        if config.text_dim:
            self.text_in = nn.Linear(config.text_dim, dim)
            self.text_summary = nn.Linear(dim, dim)
        # All layers' modulations in one matrix product: six vectors a layer, two at the end
        self.modulation = nn.Linear(dim, (6 * config.depth + 2) * dim)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.depth))
        self.patches_out = nn.Linear(dim, config.channels * p * q * r)
        self.initialize()

    def initialize(self) -> None:
        """Matrices Xavier-uniform, biases zero, except: all that adds to the residual stream
        starts at zero (the gates, the text's way in, the ports), so a new network is the identity
        there; and so does the output, so a new network predicts zero.
        """
        xavier_(self)
        for block in self.blocks:  # a mixer has its own start, the identity
            block.mixer = self.config.mixer.make(self.config.dim)
        zero = [self.modulation, self.patches_out]
        if self.config.text_dim:
            zero += [block.text_attention.out for block in self.blocks]
        for linear in zero:
            nn.init.zeros_(linear.weight)
        zero_ports_(self)

    def forward(
        self, x: Tensor, t: Tensor, conditions: Conditions | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Predict from noisy frames.

        Args:
            x: (b, c, f, h, w) noisy video or latents.
            t: (b, f) noise level of every frame, 0 clean to 1 noise.
            conditions: the text, if any, and what comes through the ports; what is absent adds
                nothing.
            cache: of a causal network: what it remembers of the frames before, an empty dict at the
                start of a stream; `x` then continues them, and the frames are those of the whole
                pass. Every call appends; a copy of the dict holds the past still.

        Returns:
            (b, c, f, h, w), in the type of `x`.

        Raises:
            UserError: if there is a cache and the network sees the future, or a chunk is torn; or
                for a condition that has no port or does not fit.
        """
        if cache is not None:
            check_cache(self)
        given = self.ports.given(conditions, x)
        text = conditions.text if conditions is not None and self.config.text_dim else None
        patch = self.config.patch
        patches = patchify(pad_to_multiple(x, patch), patch).to(self.patches_in.weight)
        tokens = self.ports.onto_patches(self.patches_in(patches), given)  # b f h w d
        if text is not None:
            text = replace(text, tokens=self.text_in(text.tokens.to(tokens.dtype)))  # b m d
        vector = self.ports.onto_time(self.time(t), given)  # b f d
        *modulations, last = self.modulations(vector, text)  # b f 1 1 6 d each; b f 1 1 2 d
        seen = self.frames_seen(cache)
        angles = self.angles(tokens, seen // patch[0])  # (f h w) d/2k
        if cache is not None:
            cache[self] = seen + x.shape[2]
        others = self.ports.sequence(given)  # b m d
        for block, modulation in zip(self.blocks, modulations, strict=True):
            tokens = block(tokens, modulation, angles, text, cache, others)
        tokens = modulate(tokens, *last.unbind(-2))
        output = unpatchify(self.patches_out(tokens), patch)  # b c f h w, padded
        return output[:, :, : x.shape[2], : x.shape[3], : x.shape[4]].to(x.dtype)

    def modulations(self, vector: Tensor, text: Tokens | None) -> list[Tensor]:
        """Each layer's six vectors and the last two, from the frame's own and the whole prompt."""
        if text is not None:
            vector = vector + text.summary(self.text_summary)[:, None]
        frames = self.config.patch[0]
        if frames > 1:  # a token of several frames: the mean of their vectors
            last = vector[:, -1:].expand(-1, -vector.shape[1] % frames, -1)
            vector = torch.cat([vector, last], dim=1)
            vector = rearrange(vector, "b (f p) d -> b f p d", p=frames).mean(2)
        vectors = self.modulation(F.silu(vector))
        vectors = rearrange(vectors, "b f (l d) -> b f 1 1 l d", d=self.config.dim)
        return list(vectors.split([6] * self.config.depth + [2], dim=-2))

    def angles(self, tokens: Tensor, first_frame: int = 0) -> Tensor:
        """Rotary angles of the tokens, (f h w) d/2k."""
        f, h, w = tokens.shape[1:4]
        head_dim = self.config.dim // self.config.num_heads
        return rotary_angles((f, h, w), head_dim, tokens.device, first_frame)

    def frames_seen(self, cache: Cache | None) -> int:
        """How many frames the cache has been fed; raise a UserError if they end within a chunk."""
        seen: int = 0 if cache is None else cache.get(self, 0)
        if seen % self.chunk:
            raise UserError(
                f"The cache ends after {seen} frames, within a chunk: feed multiples of "
                f"{self.chunk} frames, or do without a cache."
            )
        return seen

    def deepened(self, new_layers: int) -> "DiT":
        """A network with further layers behind these, and, as it is new, the same output.

        Net2DeeperNet (Chen et al. 2016, section 2.3): what has been learned is kept, and more can
        be. The new layers begin as the identity, their gates at zero.
        """
        depth = self.config.depth + new_layers
        network = type(self)(replace(self.config, depth=depth)).to(self.patches_in.weight)
        vectors = self.modulation.out_features - 2 * self.config.dim
        learned = self.state_dict()
        for name in ("modulation.weight", "modulation.bias"):
            layers, last = learned[name][:vectors], learned[name][vectors:]
            new = layers.new_zeros(6 * new_layers * self.config.dim, *layers.shape[1:])
            learned[name] = torch.cat([layers, new, last])
        network.load_state_dict(learned, strict=False)
        return network

    @property
    def is_causal(self) -> bool:
        return self.config.causal

    @property
    def chunk(self) -> int:
        return self.config.patch[0] * lcm(self.config.attention.chunk, chunk_of(self.config.mixer))

    @property
    def can_forget(self) -> bool:
        """Whether a cache can drop frames: each has tokens of its own."""
        return self.config.patch[0] == 1
