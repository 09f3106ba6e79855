"""A causal video VAE whose promises are exact: N frames in, N frames out, streamed or whole.

The clip is first folded: blocks of 4 frames x 4 x 4 pixels become channels (as in LTX-Video,
HaCohen et al. 2024, arXiv 2501.00103), so that every convolution runs at the frame rate of the
latents and none at the resolution of the pixels. The first frame is repeated in front until it
fills a block of its own; hence 1 + 4k frames make 1 + k latent frames, one frame is a legal clip,
and its latent is the first latent of every clip that begins with it. Convolutions are causal and
norms look at one pixel, so no latent feels a later one, nor do the frames of a block feel a later
block.

Beside the networks runs a fixed linear codec, the lowest cosine frequencies of a block or what was
fitted to clips. The networks start at zero and learn what it cannot say, so the first step is
already a codec.

Axes: b batch, c channels, f frames, h height, w width.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, prod

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from kinema.blocks.cache import Cache
from kinema.blocks.convolution import Conv3d, depth_to_space, space_to_depth
from kinema.codecs.codec import Posterior, check_frames
from kinema.codecs.stages import LARGEST_BLOCK, Chain, Down, LinearCodec, Refiner, ResidualBlock, Up
from kinema.codecs.streams import CausalCodec
from kinema.errors import UserError
from kinema.fields import Count, Whole, check_fields, shown
from kinema.storage.weights import PretrainedMixin


@dataclass(frozen=True)
class CausalVAEConfig:
    """The shape of a `CausalVAE`.

    Args:
        channels: numbers in one latent.
        fold: the block of (frames, height, width) that becomes channels at the door.
        widths: features at each stage, outermost first; each stage after the first halves the
            height and the width, so two stages after a fold of 4 make 8 pixels a latent.
        encoder_depth: residual blocks at each stage of the encoder.
        decoder_depth: residual blocks at each stage of the decoder.
        encoder_kernel: frames of latents that a convolution of the encoder sees, itself and
            earlier ones; 1 encodes every block of frames by itself.
        decoder_kernel: the same for the decoder.
        fitted: whether the linear codec is fitted to clips (`fit_linear`) or the lowest cosines.
        refiner_width: features of a last stage of the decoder that runs at the frame rate of the
            clip and touches up what is drawn; 0 leaves it out.
        refiner_depth: its residual blocks.
    """

    channels: Count = 8
    fold: tuple[Count, Count, Count] = (4, 4, 4)
    widths: tuple[Count, ...] = (96, 192)
    encoder_depth: tuple[Whole, ...] = (2, 2)
    decoder_depth: tuple[Whole, ...] = (3, 3)
    encoder_kernel: Count = 3
    decoder_kernel: Count = 3
    fitted: bool = False
    refiner_width: Whole = 0
    refiner_depth: Whole = 2

    def __post_init__(self):
        for name in ("fold", "widths", "encoder_depth", "decoder_depth"):  # lists in JSON
            if isinstance(value := getattr(self, name), list):
                object.__setattr__(self, name, tuple(value))
        check_fields(self, "CausalVAE: ")
        if not 0 < len(self.widths) == len(self.encoder_depth) == len(self.decoder_depth):
            raise UserError(
                f"A CausalVAE needs a width, an encoder depth and a decoder depth for every stage, "
                f"not {shown(self.widths)}, {shown(self.encoder_depth)} and "
                f"{shown(self.decoder_depth)}."
            )
        if self.channels > 3 * prod(self.factors):
            raise UserError(
                "A latent of a CausalVAE holds at most the values of its block, not "
                f"{self.channels} channels for a fold of {shown(self.fold)}."
            )
        if self.fitted and 3 * prod(self.factors) > LARGEST_BLOCK:
            raise UserError(
                f"A linear codec is fitted to blocks of at most {LARGEST_BLOCK} values, a block of "
                f"{self.factors} has {3 * prod(self.factors)}: use the cosines, fitted false."
            )

    @property
    def factors(self) -> tuple[int, int, int]:
        """Frames, rows and columns of pixels for one latent."""
        halvings = 2 ** (len(self.widths) - 1)
        return (self.fold[0], self.fold[1] * halvings, self.fold[2] * halvings)

    @property
    def reach(self) -> tuple[int, int]:
        """How many latents to each side in space encoding and decoding one latent looks at.

        A spatial convolution reaches one pixel of its stage: one latent at the last stage, half a
        latent at the one before it.
        """
        stages = len(self.widths)
        pixel = [0.5 ** (stages - 1 - stage) for stage in range(stages)]
        encoder = sum(d * p for d, p in zip(self.encoder_depth, pixel, strict=True)) + 1
        decoder = sum(d * p for d, p in zip(self.decoder_depth, pixel, strict=True)) + 1 + pixel[0]
        if self.refiner_width:
            decoder += (2 + self.refiner_depth) * pixel[0]
        return ceil(encoder), ceil(decoder)


class CausalVAE(
    CausalCodec, nn.Module, PretrainedMixin, library_name="kinema", license="apache-2.0"
):
    """Frames to latents and back; see the module's docstring for the idea.

    `encode` and `decode` take whole clips, `encode_stream` and `decode_stream` take any chunks and
    give the same numbers. Latents leave with the mean and the scale of `fit_statistics` taken off.
    """

    config_class = CausalVAEConfig

    def __init__(self, config: CausalVAEConfig | None = None):
        super().__init__()
        config = config or CausalVAEConfig()
        self._hub_mixin_config = config  # what save_pretrained writes as config.json
        self.config, self.channels, self.factors = config, config.channels, config.factors
        self.reach = config.reach
        pixels = 3 * prod(config.fold)
        widths, past, before = config.widths, config.encoder_kernel, config.decoder_kernel
        down, up = Chain(), Chain()
        for stage, width in enumerate(widths):
            if stage:
                down.append(Down(widths[stage - 1], width))
            down.extend(ResidualBlock(width, past) for _ in range(config.encoder_depth[stage]))
        for stage in reversed(range(len(widths))):
            depth = config.decoder_depth[stage]
            up.extend(ResidualBlock(widths[stage], before) for _ in range(depth))
            if stage:
                up.append(Up(widths[stage], widths[stage - 1]))
        self.fold_in = Conv3d(pixels, widths[0], kernel=(1, 1, 1))
        self.down = down
        self.to_latents = Conv3d(widths[-1], 2 * config.channels, kernel=(past, 3, 3))
        self.from_latents = Conv3d(config.channels, widths[-1], kernel=(before, 3, 3))
        self.up = up
        self.fold_out = Conv3d(widths[0], pixels, kernel=(1, 3, 3))
        fine, depth = config.refiner_width, config.refiner_depth
        self.refiner = Refiner(config.fold[1:], fine, depth, before) if fine else None
        self.linear = LinearCodec(config.factors, config.channels, config.fitted)
        self.register_buffer("latent_mean", torch.zeros(config.channels))
        self.register_buffer("latent_scale", torch.ones(config.channels))
        self.initialize()

    def initialize(self) -> None:
        """Convolutions keep the variance (fan-in), biases are 0, residual branches end in 0.

        The networks start by adding 0 to the linear codec. (Without it, or with networks that add
        noise, the penalties on differences soon drive the decoder to a constant picture, where it
        stays.) The first posterior is narrow, log variance -6.
        """
        for module in self.modules():
            if isinstance(module, Conv3d):
                nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
                nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, ResidualBlock):
                nn.init.zeros_(module.conv_out.weight)
        ends = [self.to_latents, self.fold_out]
        for module in ends + ([self.refiner.conv_out] if self.refiner else []):
            nn.init.zeros_(module.weight)
        nn.init.constant_(self.to_latents.bias[self.channels :], -6.0)

    # Shapes -----------------------------------------------------------------------------------

    def whole_blocks(self, frames: Tensor, first: bool = True, last: bool = True) -> Tensor:
        """Pad a clip to whole blocks: sizes by the edge, time by the first and the last frame.

        `first`, `last`: whether the clip begins, ends here; a chunk of a stream may do neither.
        """
        r, p, q = self.factors
        height, width = frames.shape[3:]
        front = r - 1 if first else 0
        back = -(frames.shape[2] + front) % r if last else 0
        padding = (0, -width % q, 0, -height % p, front, back)
        return F.pad(frames, padding, mode="replicate")

    # Networks: blocks of frames <-> unnormalized latents -------------------------------------

    def encode_blocks(self, blocks: Tensor, cache: Cache | None = None) -> Posterior:
        blocks = rearrange(blocks, "b c f h w -> b f h w c")
        linear = self.linear.encode(blocks)  # b f' h/8 w/8 c
        x = space_to_depth(blocks, self.config.fold)  # b f' h/4 w/4 (r p q 3)
        x = self.fold_in(x.to(self.fold_in.weight.dtype))  # b f' h/4 w/4 d
        x = self.down(x, cache)  # b f' h/8 w/8 d
        x = self.to_latents(x, cache)  # b f' h/8 w/8 2c
        mean, log_variance = x.float().chunk(2, dim=-1)
        mean, log_variance = linear + mean, log_variance.clamp(-20, 10)
        return Posterior(*(rearrange(y, "b f h w c -> b c f h w") for y in (mean, log_variance)))

    def decode_blocks(self, latents: Tensor, cache: Cache | None = None) -> Tensor:
        latents = rearrange(latents, "b c f h w -> b f h w c")
        linear = self.linear.decode(latents)  # b 4f' h w 3
        x = latents.to(self.fold_out.weight.dtype)
        x = self.from_latents(x, cache)  # b f' h/8 w/8 d
        x = self.up(x, cache)  # b f' h/4 w/4 d
        x = self.fold_out(x, cache)  # b f' h/4 w/4 (r p q 3)
        frames = linear + depth_to_space(x.float(), self.config.fold)  # b 4f' h w 3
        if self.refiner is not None:
            frames = self.refiner(frames, cache)
        return rearrange(frames, "b f h w c -> b c f h w")

    def posterior(self, frames: Tensor) -> Posterior:
        check_frames(frames)
        return self.encode_blocks(self.whole_blocks(frames))

    def decode_raw(self, latents: Tensor) -> Tensor:
        return self.decode_blocks(latents)[:, :, self.factors[0] - 1 :]

    # Statistics -------------------------------------------------------------------------------

    def fit_linear(self, clips: Iterable[Tensor]) -> None:
        """Fit the linear codec to batches of frames (b 3 f h w); before training, once."""
        if not self.config.fitted:
            raise UserError("This codec has cosines: give it a configuration with fitted true.")
        self.linear.fit(self.whole_blocks(frames).movedim(1, -1) for frames in clips)

    @torch.no_grad()
    def fit_statistics(self, clips: Iterable[Tensor]) -> None:
        """Set the mean and the scale of every channel from batches of frames (b 3 f h w).

        They live in the weights; call it once after training, on clips like those of training.
        """
        count, total = 0, torch.zeros_like(self.latent_mean, dtype=torch.double)
        squares = total
        for frames in clips:
            latents = self.posterior(frames).mean.double()
            count += latents.numel() // self.channels
            total = total + latents.sum(dim=(0, 2, 3, 4))
            squares = squares + latents.square().sum(dim=(0, 2, 3, 4))
        if not count:
            raise UserError(
                "The codec was given no clips for its statistics: give at least one batch."
            )
        mean = total / count
        self.latent_mean.copy_(mean)
        self.latent_scale.copy_((squares / count - mean.square()).clamp_min(1e-8).sqrt())


LAYOUTS = {
    # The usual one (Yu et al. 2024, MAGVIT-v2; CogVideoX, HunyuanVideo and Wan compress so).
    "8x8x4": CausalVAEConfig(channels=16),
    # Deep: few places with many numbers each, for long and large clips (LTX-Video, HaCohen et al.
    # 2024, has 32x32x8 and 128 channels).
    "16x16x4": CausalVAEConfig(
        channels=16, widths=(96, 192, 256), encoder_depth=(1, 2, 2), decoder_depth=(2, 3, 3)
    ),
    "32x32x8": CausalVAEConfig(
        channels=128,
        fold=(8, 4, 4),
        widths=(96, 128, 192, 256),
        encoder_depth=(1, 1, 2, 2),
        decoder_depth=(1, 2, 3, 3),
    ),
    # An image VAE frame by frame (Rombach et al. 2022): no frame knows of another.
    "per-frame": CausalVAEConfig(
        channels=4, fold=(1, 4, 4), widths=(64, 128), encoder_kernel=1, decoder_kernel=1
    ),
    # An image encoder with a decoder over time (Stable Video Diffusion, Blattmann et al. 2023).
    "temporal-decoder": CausalVAEConfig(
        channels=4, fold=(1, 4, 4), widths=(64, 128), encoder_kernel=1
    ),
}
