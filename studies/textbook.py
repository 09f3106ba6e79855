"""The blocks of textbooks on video diffusion, in the forms in which they are usually written.

The same names and calls as in courses and articles, made of the parts of this package, with what
those sketches leave out: a new block is the identity, attention never mixes the rows of a batch,
time and text reach the network, and the U-Net has its skips. See docs/textbook.md.

Axes: b batch, f frames (t in most texts), c channels, h w places, n tokens, d features.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from kinema.blocks.attention import AttentionSpec, Factorized, Full
from kinema.blocks.cache import Cache
from kinema.blocks.mixers import Attention, make_mixer
from kinema.blocks.transformer import MLP, SelfAttention, gated, modulate, rotary_angles
from kinema.conditions import Conditions, Tokens
from kinema.denoisers.unet import UNet, UNetConfig
from kinema.diffusion import Path, loss
from kinema.errors import UserError


class TemporalAttention(nn.Module):
    """Attention along time at each place, to be put behind any block of an image network.

    Args:
        dim: features.
        n_heads: attention heads; some texts call it `num_heads`.
        num_heads: the same.
        spec: which frames see which.
    """

    def __init__(
        self,
        dim: int,
        n_heads: int = 8,
        num_heads: int | None = None,
        spec: AttentionSpec | None = None,
    ):
        super().__init__()
        heads = n_heads if num_heads is None else num_heads
        self.mixer = make_mixer(Attention(Full() if spec is None else spec, heads), dim)

    def forward(self, x: Tensor, num_frames: int | None = None) -> Tensor:
        """(b f) c h w with `num_frames`, or b f h w d -> the same, `x` itself included."""
        if x.ndim == 5:
            return self.mixer(x)
        if num_frames is None or len(x) % num_frames:
            raise UserError(
                f"TemporalAttention: {len(x)} images are no whole clips of {num_frames} frames."
            )
        video = rearrange(x, "(b f) c h w -> b f h w c", f=num_frames)
        return rearrange(self.mixer(video), "b f h w c -> (b f) c h w")


class SpatiotemporalBlock(nn.Module):
    """Attention within each frame, along time, and an MLP; the time embedding shifts and scales.

    Args:
        dim: features; also of the time embedding.
        spatial_heads, temporal_heads: attention heads.
    """

    def __init__(self, dim: int, spatial_heads: int = 8, temporal_heads: int = 8):
        super().__init__()
        self.head_dims = dim // spatial_heads, dim // temporal_heads
        self.space = SelfAttention(dim, spatial_heads, Factorized(), layer=0)
        self.time = SelfAttention(dim, temporal_heads, Factorized(), layer=1)
        self.mlp = MLP(dim)
        self.adaln = nn.Linear(dim, 6 * dim)
        zero = (self.space.out, self.time.out, self.mlp.down, self.adaln)
        for linear in zero:
            nn.init.zeros_(linear.weight)
        nn.init.zeros_(self.adaln.bias)

    def forward(self, x: Tensor, t_emb: Tensor | None = None) -> Tensor:
        """x: b f h w d, t_emb: b d or b f d -> b f h w d."""
        b, f, h, w, d = x.shape
        t_emb = x.new_zeros(b, d) if t_emb is None else t_emb
        t_emb = t_emb[:, None] if t_emb.ndim == 2 else t_emb
        vectors = self.adaln(F.silu(t_emb))[:, :, None].chunk(6, dim=-1)  # b f 1 d each
        angles = [rotary_angles((f, h, w), head_dim, x.device) for head_dim in self.head_dims]
        x = x.flatten(2, 3)
        x = x + self.space(modulate(x, *vectors[:2]), angles[0])
        x = x + self.time(modulate(x, *vectors[2:4]), angles[1])
        x = x + self.mlp(modulate(x, *vectors[4:]))
        return x.unflatten(2, (h, w))


class DiTBlock(nn.Module):
    """Self-attention and an MLP with adaLN-zero (Peebles & Xie 2023), tokens without positions."""

    def __init__(self, dim: int, num_heads: int):
        super().__init__()
        self.attention = SelfAttention(dim, num_heads, Full())
        self.mlp = MLP(dim)
        self.adaln = nn.Linear(dim, 6 * dim)
        nn.init.zeros_(self.adaln.weight)
        nn.init.zeros_(self.adaln.bias)

    def forward(self, x: Tensor, t_emb: Tensor) -> Tensor:
        """x: b n d, t_emb: b d -> b n d."""
        vectors = self.adaln(F.silu(t_emb))[:, None, None].chunk(6, dim=-1)  # b 1 1 d each
        shift1, scale1, gate1, shift2, scale2, gate2 = vectors
        x = x[:, None]  # b 1 n d: one frame of n tokens
        angles = x.new_zeros(x.shape[2], x.shape[-1] // self.attention.num_heads // 2)
        x = gated(x, gate1, self.attention(modulate(x, shift1, scale1), angles))
        return gated(x, gate2, self.mlp(modulate(x, shift2, scale2)))[:, 0]


@dataclass
class VideoUNet3DConfig:
    """The arguments of `VideoUNet3D`, as its folder holds them."""

    in_channels: int = 4
    model_channels: int = 320
    num_frames: int = 16
    context_dim: int = 0


class VideoUNet3D(UNet):
    """Our `UNet` under its textbook call: skips, a time for every frame, text by cross-attention.

    Args:
        in_channels: channels of the latents.
        model_channels: features of the finest of three levels; a multiple of 32.
        num_frames: not needed, any length goes; kept because texts pass it.
        context_dim: features of the text tokens; 0 for a network without text.
    """

    config_class = VideoUNet3DConfig

    def __init__(
        self,
        in_channels: int = 4,
        model_channels: int = 320,
        num_frames: int = 16,
        context_dim: int = 0,
    ):
        dims = (model_channels, 2 * model_channels, 4 * model_channels)
        super().__init__(
            UNetConfig(in_channels, dims, num_blocks=1, attention_levels=(2,), text_dim=context_dim)
        )

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        context: Tensor | Conditions | None = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """x: b c f h w, t: b or b f in [0, 1], context: b m d text tokens -> b c f h w."""
        t = t[:, None].expand(-1, x.shape[2]) if t.ndim == 1 else t
        if isinstance(context, Tensor):
            context = text_conditions(context)
        return super().forward(x, t, context, cache)


def text_conditions(tokens: Tensor) -> Conditions:
    """Text tokens b m d, all real, as conditions."""
    return Conditions(
        Tokens(tokens, torch.ones(tokens.shape[:2], dtype=torch.bool)).to(tokens.device)
    )


def video_diffusion_loss(
    model: nn.Module, video: Tensor, text_embeddings: Tensor | None, schedule: Path
) -> Tensor:
    """The noise-prediction loss of a training step, a number.

    Args:
        model: a denoiser that predicts the noise.
        video: b c f h w, pixels in [-1, 1] or latents.
        text_embeddings: b m d; None for none.
        schedule: a path, as in `kinema.diffusion.PATHS`.
    """
    t = torch.rand(len(video), 1, device=video.device).expand(-1, video.shape[2])
    conditions = None if text_embeddings is None else text_conditions(text_embeddings)
    noise = torch.randn_like(video)
    return loss(model, video, conditions, t, noise, schedule, "eps", "eps").mean()
