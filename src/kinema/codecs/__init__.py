"""codecs: frames to latents and back. N frames in, N frames out, for every N >= 1."""

from kinema.codecs.causal_vae import CausalVAE, CausalVAEConfig, Posterior
from kinema.codecs.codec import Codec, Pixels
from kinema.codecs.loading import codec_fingerprint, codec_folder, load_codec
from kinema.codecs.objective import CodecLoss, codec_loss
from kinema.codecs.pretrained import PretrainedCodec

__all__ = [
    "CausalVAE",
    "CausalVAEConfig",
    "Codec",
    "CodecLoss",
    "Pixels",
    "Posterior",
    "PretrainedCodec",
    "codec_fingerprint",
    "codec_folder",
    "codec_loss",
    "load_codec",
]
