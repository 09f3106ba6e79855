"""Training on clips of one's own: a folder with metadata.jsonl."""

from dataclasses import dataclass, field

from kinema.codecs import LAYOUTS, AdversarialLoss, CausalVAEConfig, CodecLoss
from kinema.training import Loop
from kinema.training.sources import FolderClips
from kinema.training.tasks.codec import CodecRun


@dataclass
class OwnCodecRun(CodecRun):
    __doc__ = CodecRun.__doc__

    data: FolderClips = field(
        default_factory=lambda: FolderClips("clips", num_frames=17, size=128, part="train")
    )
    held_out: FolderClips = field(default_factory=lambda: FolderClips("", num_clips=64))
    codec: CausalVAEConfig = field(default_factory=lambda: LAYOUTS["8x8x4"])


def codec() -> OwnCodecRun:
    """A causal video VAE for a folder of clips, sharpened by discriminators.

    kinema train codec --data.folder clips

    Every 20th file is held out. Motion is estimated, for the part of the loss that follows it.
    """
    return OwnCodecRun(
        weights=CodecLoss(flow=0.25, perceptual=0.1, kl=1e-6),
        adversarial=AdversarialLoss(spatial=0.05, temporal=0.05, start=10_000),
        loop=Loop(
            num_samples=40_000,
            batch_size=4,
            learning_rate=2e-3,
            optimizer="muon",
            adamw_share=0.15,
            validate_every=4_000,
        ),
    )
