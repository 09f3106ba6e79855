"""codecs: frames to latents and back. N frames in, N frames out, for every N >= 1."""

from kinema.codecs.adversarial import AdversarialLoss, PatchDiscriminator
from kinema.codecs.causal_vae import LAYOUTS, CausalVAE, CausalVAEConfig
from kinema.codecs.codec import Codec, LocalCodec, Pixels, Posterior
from kinema.codecs.objective import CodecLoss, codec_loss, reconstruct
from kinema.codecs.stages import LinearCodec
from kinema.codecs.streams import DecodeStream, EncodeStream
from kinema.codecs.tiling import TiledCodec
from kinema.renamed import moved

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
    "TiledCodec",
    "codec_loss",
    "reconstruct",
]

MOVED = {
    "PretrainedCodec": "kinema.interop",
    "codec_fingerprint": "kinema.interop",
    "codec_folder": "kinema.interop",
    "load_codec": "kinema.interop",
}


def __getattr__(name: str) -> object:
    return moved(__name__, MOVED, name)
