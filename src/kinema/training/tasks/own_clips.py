"""What to expect of a model that is trained on clips of one's own."""

import logging

import numpy as np

from kinema.clips import to_frames, to_tensor
from kinema.codecs import Codec
from kinema.errors import notify
from kinema.metrics.features.fidelity import psnr
from kinema.training.footage import FolderClips
from kinema.training.waiting import telling

LOG = logging.getLogger("kinema")
FEW, SOME = 50, 2_000  # files, up to which a folder is small, or middling
LOW_PSNR = 26.0  # dB; below, a codec blurs what it codes so that everybody sees it
NUM_CODED = 4


def expectation(num_files: int) -> str:
    """What to expect of a model that learns from so many files, in three sentences."""
    if num_files < FEW:
        told = (
            "So few are learned by heart: samples repeat them, and other prompts show them as "
            "well. This is enough to try the whole way, or to animate stills of the same scene. "
            "If the held-out loss rises, train on fewer clips (--loop.num_samples)."
        )
    elif num_files < SOME:
        told = (
            "The look and the typical motion of the footage can be learned, and what captions say "
            "often. Rare words have no effect, and samples resemble single clips. If the held-out "
            "loss rises, train on fewer clips (--loop.num_samples)."
        )
    else:
        told = (
            "Subjects and motions can be put together anew where captions name them. A larger "
            "denoiser (--denoiser dit-base) and more clips (--loop.num_samples) pay. Captions that "
            "say what moves, and how, matter more than further files."
        )
    return f"{num_files:,} clip files. {told}"


def codec_ceiling(codec: Codec, data: FolderClips, name: str) -> float:
    """Tell how well a codec keeps some clips, in dB: no sample can be sharper than that.

    Returns:
        PSNR of coded clips, their mean.
    """
    with telling("Measuring what the codec keeps of the clips."):
        frames = data.make(list(range(min(NUM_CODED, len(data.clips)))))[0]["frames"].numpy()
        coded = [
            to_frames(codec.decode(codec.encode(to_tensor(clip[None])), len(clip), clip.shape[1:3]))
            for clip in frames
        ]
    ceiling = float(np.mean([psnr(a, b[0]) for a, b in zip(frames, coded, strict=True)]))
    LOG.info(f"The codec {name} keeps the clips at {ceiling:.1f} dB (PSNR).")
    if ceiling < LOW_PSNR:
        notify(
            f"The codec {name} blurs these clips ({ceiling:.1f} dB; from {LOW_PSNR:g} dB it is "
            "hard to see), and no sample can be sharper: train one on them (kinema train codec "
            "--data.folder ...), or name one of diffusers with --codec."
        )
    return ceiling
