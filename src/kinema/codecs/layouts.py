"""Shapes of a codec that have a name, each `CausalVAEConfig` ready to be trained.

A name is rows x columns x frames of pixels for one latent. At equal numbers of values a codec that
leaves time alone has a quarter of the channels: `per-frame` and `temporal-decoder` spend on four
frames what `8x8x4` spends on one latent frame.
"""

from kinema.codecs.causal_vae import CausalVAEConfig

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
