"""codecs: frames to latents and back. N frames in, N frames out, for every N >= 1."""

from kinema.codecs.adversarial import AdversarialLoss, PatchDiscriminator
from kinema.codecs.causal_vae import CausalVAE, CausalVAEConfig
from kinema.codecs.codec import Codec, LocalCodec, Pixels
from kinema.codecs.layouts import LAYOUTS
from kinema.codecs.linear import LinearCodec
from kinema.codecs.loading import codec_fingerprint, codec_folder, load_codec
from kinema.codecs.objective import CodecLoss, codec_loss, reconstruct
from kinema.codecs.posterior import Posterior
from kinema.codecs.pretrained import PretrainedCodec
from kinema.codecs.streams import DecodeStream, EncodeStream
from kinema.codecs.tiling import TiledCodec

__all__ = [
    "LAYOUTS",
    "AdversarialLoss",
    "CausalVAE",
    "CausalVAEConfig",
    "Codec",
    "CodecLoss",
    "DecodeStream",
    "EncodeStream",
    "LinearCodec",
    "LocalCodec",
    "PatchDiscriminator",
    "Pixels",
    "Posterior",
    "PretrainedCodec",
    "TiledCodec",
    "codec_fingerprint",
    "codec_folder",
    "codec_loss",
    "load_codec",
    "reconstruct",
]
