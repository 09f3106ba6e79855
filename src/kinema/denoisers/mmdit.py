"""Diffusion transformer in which text and video attend to each other as one sequence.

Esser et al. 2024 (SD3, section 4: MM-DiT), as CogVideoX (Yang et al. 2024) and Mochi (Genmo 2024)
made it for video: every modality has its own weights and its own adaptive norms, and all tokens
meet in one full attention. Cross-attention reads a prompt that never changes; here the prompt is
read again in every layer in the light of the video.

Axes: b batch, c channels, f frames, h w places, n tokens a frame, m text tokens, d features,
k heads, l layers. Text is a video of one frame: b 1 m d.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from kinema.blocks.attention import attend
from kinema.blocks.cache import Cache
from kinema.blocks.transformer import (
    MLP,
    RMSNorm,
    TimeEmbedding,
    check_heads,
    gated,
    modulate,
    pad_to_multiple,
    patchify,
    rotary_angles,
    rotate,
    token_shift,
    unpatchify,
    xavier_,
)
from kinema.conditions import Conditions, Port, Ports
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
class MMDiTConfig:
    """What an MMDiT is."""

    channels: Count = 16  # channels of the video or the latents
    dim: Count = 192  # features of a token of either modality; a multiple of 8 x `num_heads`
    depth: Count = 6  # layers
    num_heads: Count = 3  # attention heads
    patch: tuple[Count, Count] = (2, 2)  # rows and columns a token covers
    text_dim: Whole = 192  # features of the text tokens; a network without text is a DiT
    shift: bool = True  # whether video tokens see their neighbors through `token_shift`
    mlp_ratio: Count = 4  # width of the MLPs over `dim`
    # the conditions beside text that the network takes in, or their dictionaries
    ports: tuple[Port, ...] = ()

    def __post_init__(self):
        self.patch, self.ports = tuple(self.patch), read_ports(self.ports)
        check_fields(self, "MMDiT: ")
        check_heads("MMDiT: dim", self.dim, self.num_heads)
        if self.text_dim < 1:
            raise UserError("MMDiT: text_dim is 0, and a network without text is a DiT: use that.")


class Stream(nn.Module):
    """One modality's own weights of a layer, before and after the attention that all share.

    Args:
        config: of the network.
        shift: whether its tokens lie on a grid and see their neighbors.
        is_read_only: it is seen by the other modality but not changed: text in the last layer.
    """

    def __init__(self, config: MMDiTConfig, shift: bool, is_read_only: bool = False):
        super().__init__()
        dim, head_dim = config.dim, config.dim // config.num_heads
        self.num_heads, self.shift, self.is_read_only = config.num_heads, shift, is_read_only
        self.kv = nn.Linear(dim, 2 * dim, bias=False)
        self.k_norm = RMSNorm(head_dim)
        if not is_read_only:
            self.q = nn.Linear(dim, dim, bias=False)
            self.q_norm = RMSNorm(head_dim)
            self.out = nn.Linear(dim, dim, bias=False)
            self.mlp = MLP(dim, config.mlp_ratio)

    def keys(self, y: Tensor, angles: Tensor | None) -> tuple[Tensor, Tensor]:
        """y: b f h w d, normed -> keys and values, b k (f h w) d each."""
        kv = rearrange(self.kv(y), "b f h w (s k d) -> s b k (f h w) d", s=2, k=self.num_heads)
        k, v = kv.contiguous().unbind()
        k = self.k_norm(k)
        return (k if angles is None else rotate(k, angles)), v

    def queries(self, y: Tensor, angles: Tensor | None) -> Tensor:
        """y: b f h w d, normed -> b k (f h w) d."""
        q = rearrange(self.q(y), "b f h w (k d) -> b k (f h w) d", k=self.num_heads)
        q = self.q_norm(q.contiguous())
        return q if angles is None else rotate(q, angles)

    def normed(self, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        """Norm, modulate, and let every token see a little of its neighbors; b f h w d."""
        y = modulate(x, shift, scale)
        return token_shift(y) if self.shift else y

    def add(self, x: Tensor, found: Tensor, modulation: Tensor) -> Tensor:
        """Add what attention found, b k (f h w) d, and then the MLP, to x: b f h w d."""
        gate1, shift2, scale2, gate2 = modulation[..., 2:, :].unbind(-2)
        y = rearrange(found, "b k n d -> b n (k d)").view(x.shape)
        x = gated(x, gate1, self.out(y))
        return gated(x, gate2, self.mlp(self.normed(x, shift2, scale2)))


class JointBlock(nn.Module):
    """Attention of all tokens of both modalities, then each modality's own MLP."""

    def __init__(self, config: MMDiTConfig, is_last: bool):
        super().__init__()
        self.video = Stream(config, config.shift)
        self.text = Stream(config, shift=False, is_read_only=is_last)
        if has_tokens(config.ports):
            self.port_attention = PortAttention(config.dim, config.num_heads)

    def forward(
        self, video: Tensor, text: Tensor | None, modulations: list[Tensor], angles: Tensor,
        weights: Tensor | None, others: TokenSequence | None = None,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        # video: b f h w d, text: b 1 1 m d, modulations: b f 1 1 6 d and b 1 1 1 6 d, weights: b m
        places = video.shape[1:4].numel()
        y = self.video.normed(video, *modulations[0][..., :2, :].unbind(-2))
        q, (k, v), mask = self.video.queries(y, angles), self.video.keys(y, angles), None
        if text is not None and weights is not None:
            y = self.text.normed(text, *modulations[1][..., :2, :].unbind(-2))
            more_k, more_v = self.text.keys(y, None)
            more_v = more_v * weights[:, None, :, None].to(more_v.dtype)
            mask = F.pad(weights > 0, (places, 0), value=True)[:, None]  # b 1 (f h w + m)
            k, v = torch.cat([k, more_k], dim=2), torch.cat([v, more_v], dim=2)
            if not self.text.is_read_only:
                q = torch.cat([q, self.text.queries(y, None)], dim=2)
        found = attend(q, k, v, mask)  # b k (f h w + m) d
        video = self.video.add(video, found[:, :, :places], modulations[0])
        if others is not None:
            video = self.port_attention(video, others)
        if text is not None and not self.text.is_read_only:
            text = self.text.add(text, found[:, :, places:], modulations[1])
        return video, text


class MMDiT(nn.Module, PretrainedMixin, library_name="kinema", license="apache-2.0"):
    """A transformer of joint text and video attention, for any size and length.

    Rows and columns that no whole patch covers are padded and cut off again.
    """

    config_class = MMDiTConfig

    def __init__(self, config: MMDiTConfig):
        super().__init__()
        self.config = config
        dim, (q, r), depth = config.dim, config.patch, config.depth
        self.patches_in = nn.Linear(config.channels * q * r, dim)
        self.ports = Ports(config.ports, (1, *config.patch), dim)
        self.time = TimeEmbedding(dim)
        # All layers' modulations in one matrix product a modality
        self.video_modulation = nn.Linear(dim, (6 * depth + 2) * dim)
        self.text_modulation = nn.Linear(dim, (6 * depth - 4) * dim)
        self.text_in = nn.Linear(config.text_dim, dim)
        self.text_summary = nn.Linear(dim, dim)
        self.blocks = nn.ModuleList(JointBlock(config, i == depth - 1) for i in range(depth))
        self.patches_out = nn.Linear(dim, config.channels * q * r)
        self.initialize()

    def initialize(self) -> None:
        """Matrices Xavier-uniform, biases zero; modulations, ports and the output zero, so that
        every layer starts as the identity and a new network predicts zero.
        """
        xavier_(self)
        for linear in (self.video_modulation, self.text_modulation, self.patches_out):
            nn.init.zeros_(linear.weight)
        zero_ports_(self)

    def forward(
        self, x: Tensor, t: Tensor, conditions: Conditions | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Predict from noisy frames; arguments, result and errors as in `DiT.forward`."""
        if cache is not None:
            check_cache(self)
        given = self.ports.given(conditions, x)
        prompt = conditions.text if conditions is not None else None
        patch = (1, *self.config.patch)
        patches = patchify(pad_to_multiple(x, patch), patch).to(self.patches_in.weight)
        video = self.ports.onto_patches(self.patches_in(patches), given)  # b f h w d
        vector = self.ports.onto_time(self.time(t), given)  # b f d
        text, weights = None, None
        if prompt is not None:
            words = replace(prompt, tokens=self.text_in(prompt.tokens.to(video.dtype)))  # b m d
            vector = vector + words.summary(self.text_summary)[:, None]
            text, weights = words.tokens[:, None, None], words.weights
        *modulations, last = self.modulations(vector, text is not None)
        f, h, w = video.shape[1:4]
        head_dim = self.config.dim // self.config.num_heads
        angles = rotary_angles((f, h, w), head_dim, video.device)  # (f h w) d/2k
        others = self.ports.sequence(given)  # b m d
        for block, pair in zip(self.blocks, modulations, strict=True):
            video, text = block(video, text, pair, angles, weights, others)
        video = modulate(video, *last[0].unbind(-2))
        output = unpatchify(self.patches_out(video), patch)  # b c f h w, padded
        return output[..., : x.shape[3], : x.shape[4]].to(x.dtype)

    def modulations(self, vector: Tensor, has_text: bool) -> list[list[Tensor]]:
        """Each layer's vectors, of the video b f 1 1 6 d and of the text b 1 1 1 6 d; the last two.

        Text belongs to no frame: its own come from the mean over frames.
        """
        dim, depth = self.config.dim, self.config.depth
        vectors = self.video_modulation(F.silu(vector)).unflatten(-1, (-1, dim))
        layers = [[v] for v in vectors[:, :, None, None].split([6] * depth + [2], dim=-2)]
        if has_text:
            own = self.text_modulation(F.silu(vector.mean(1, keepdim=True))).unflatten(
                -1, (-1, dim)
            )
            own = own[:, :, None, None].split([6] * (depth - 1) + [2], dim=-2)
            for layer, vectors in zip(layers, own, strict=False):
                layer.append(vectors)
        return layers

    is_causal = False  # every token sees every token
    chunk = 1
    can_forget = True
