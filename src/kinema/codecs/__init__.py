"""codecs: frames to latents and back. N frames in, N frames out, for every N >= 1."""

from kinema.codecs.causal_vae import CausalVAE, CausalVAEConfig, Posterior
from kinema.codecs.codec import Codec, Pixels
from kinema.codecs.objective import CodecLoss, codec_loss

__all__ = [
    "CausalVAE",
    "CausalVAEConfig",
    "Codec",
    "CodecLoss",
    "Pixels",
    "Posterior",
    "codec_loss",
]
