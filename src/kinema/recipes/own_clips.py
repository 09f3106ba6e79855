"""Training on clips of one's own: a folder with metadata.jsonl, from 12 clips up.

Every 20th file is held out. The codec comes first: no sample is sharper than what it keeps. The
shape and the frame rate of the samples are those of most of the footage.
"""

from dataclasses import replace

from kinema.codecs import LAYOUTS, AdversarialLoss, CodecLoss
from kinema.conditions import SmallTextConfig
from kinema.denoisers import DiTConfig
from kinema.recipes.tabletop import CODEC_LOOP, LOOP
from kinema.training.footage import FolderClips
from kinema.training.noise_levels import NoiseLevels
from kinema.training.tasks.codec import CodecRun
from kinema.training.tasks.text_to_video import TextToVideoRun
from kinema.video import System


def codec() -> CodecRun:
    """A causal video VAE for a folder of clips, sharpened by discriminators.

    kinema train codec --data.folder clips

    Motion is estimated, for the part of the loss that follows it.
    Cost: 40,000 clips of 128x128 pixels, 1.0e15 FLOPs, the discriminators not counted.
    Expect: a held-out PSNR that rises during the whole run; from about 26 dB on, what is lost is
    hard to see.
    """
    return CodecRun(
        data=FolderClips("clips", num_frames=17, size=128, part="train"),
        held_out=FolderClips("", num_clips=64),
        codec=LAYOUTS["8x8x4"],
        weights=CodecLoss(flow=0.25, perceptual=0.1, kl=1e-6),
        adversarial=AdversarialLoss(spatial=0.05, temporal=0.05, start=10_000),
        loop=replace(CODEC_LOOP, num_samples=40_000, batch_size=4, validate_every=4_000),
    )


def text_to_video() -> TextToVideoRun:
    """Text to video from a folder of clips with captions.

    kinema train text-to-video --data.folder clips --codec runs/codec/final

    The codec is one that `kinema train codec` made, one that ships, or one of diffusers, a folder
    or a repository. `--text_encoder google/umt5-small` reads captions with a pretrained encoder.
    Cost: 60,000 clips of 17 frames of 64x64 pixels, 1.0e14 FLOPs; wider clips cost more.
    Expect: 12 clips are learned by heart; 100 give their look and typical motion; with 10,000,
    captions put subjects and motions together anew.
    """
    return TextToVideoRun(
        folder="runs/text-to-video",
        data=FolderClips("clips", num_frames=17, size=64, width=-1, num_clips=0, part="train"),
        held_out=FolderClips("", num_clips=64),
        codec="tabletop",
        denoiser=DiTConfig(dim=192, depth=6, num_heads=3, patch=(1, 2, 2)),
        text=SmallTextConfig(dim=128, depth=2),
        defaults=System(shift=2.5, guidance_scale=2.0, overlap=5),
        prompts=(),
        loop=replace(LOOP, num_samples=60_000, batch_size=16, validate_every=6_000),
    )


def image_to_video() -> TextToVideoRun:
    """Image to video from a folder of clips: a first frame and a caption, and the clip goes on.

    kinema train image-to-video --data.folder clips --codec runs/codec/final

    Four in five training clips have their first one or two latent frames given, so that one set of
    weights animates a still and continues a clip.
    Cost: as `text-to-video`.
    Expect: samples that begin with the first frames of held-out clips; with 12 clips they move as
    those did, whatever the still shows.
    """
    return replace(
        text_to_video(),
        folder="runs/image-to-video",
        noise=NoiseLevels(together=0.1, given=0.8, per_frame=0.1, max_given=2),
        image_share=0.0,
        animate=True,
    )
