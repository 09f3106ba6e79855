"""The classes and files of diffusers and of original repositories, behind our contracts."""

from kinema.interop.codec_loading import codec_fingerprint, codec_folder, load_codec
from kinema.interop.diffusers_codec import PretrainedCodec
from kinema.interop.inflated import Inflated
from kinema.interop.motion_adapters import load_mixers, save_mixers
from kinema.interop.text_encoders import PretrainedTextEncoder

__all__ = [
    "Inflated",
    "PretrainedCodec",
    "PretrainedTextEncoder",
    "codec_fingerprint",
    "codec_folder",
    "load_codec",
    "load_mixers",
    "save_mixers",
]
