"""What ships: the codec and the text-to-video system of the tabletop world."""

from dataclasses import replace

from kinema.codecs import LAYOUTS, CodecLoss
from kinema.conditions import SmallTextConfig
from kinema.denoisers import DiTConfig
from kinema.training import Loop
from kinema.training.histories.resampling import Resampling
from kinema.training.noise_levels import NoiseLevels
from kinema.training.sources import WorldClips, unseen
from kinema.training.tasks.codec import CodecRun
from kinema.training.tasks.decoder import DecoderRun
from kinema.training.tasks.text_to_video import TextToVideoRun
from kinema.video import System

LOOP = Loop(learning_rate=2e-3, optimizer="muon", adamw_share=0.5)  # of every denoiser
CODEC_LOOP = replace(LOOP, adamw_share=0.15)  # of every codec
CLIPS = WorldClips(levels=(1, 2), num_frames=33, size=64, fps=16.0, num_clips=12_288)

PROMPTS = (
    "a red ball rolls to the right",
    "a green cube slides to the left on a black table",
    "a yellow cone falls onto a brown table",
    "a blue cylinder bounces up and down",
    "a pink cube spins in place before a green background",
    "a cyan ball rolls away from the camera",
    "a red ball rolls to the right behind a blue cube",
    "a purple cylinder slides to the left in front of an orange cone",
)


def tabletop_codec() -> CodecRun:
    """The causal video VAE of the tabletop: 8x8 in space, 4 in time.

    kinema train tabletop-codec

    What ships learned in two runs: 20,000 clips with `softness` 0.01, then 16,000 further ones
    (`--init tabletop`) at half the rate with the squared error that this recipe has from the start.
    Cost: 36,000 clips, 2.3e14 FLOPs.
    Expect: a PSNR of 34.6 dB on unseen clips of level 1 and 32.3 dB on level 2.
    """
    return CodecRun(
        folder="runs/tabletop-codec",
        data=CLIPS,
        held_out=unseen(CLIPS),
        codec=LAYOUTS["8x8x4"],
        weights=CodecLoss(softness=0.2, kl=1e-6),
        loop=replace(CODEC_LOOP, num_samples=36_000, batch_size=8, validate_every=4_000),
    )


def tabletop_codec_8() -> CodecRun:
    """A codec of half as many values: 8 channels, 96 pixel values to one, for level 1.

    kinema train tabletop-codec-8

    It starts as the principal components of blocks of its clips and is trained for the squared
    error alone. What ships learned in two runs: 60,000 clips without a refiner (33.6 dB), then
    42,000 with it (`--init`). This recipe does it in one.
    Cost: 100,000 clips, 4.8e14 FLOPs.
    Expect: a PSNR of 34.9 dB on unseen clips of level 1.
    """
    run, data = tabletop_codec(), replace(CLIPS, levels=(1,))
    return replace(
        run,
        folder="runs/tabletop-codec-8",
        data=data,
        held_out=unseen(data),
        codec=replace(
            LAYOUTS["8x8x4"], channels=8, widths=(64, 128), fitted=True, refiner_width=48
        ),
        weights=CodecLoss(outlines=0, motion=0, equivariance=0, kl=1e-6, softness=1),
        sizes=(1.0,),
        loop=replace(run.loop, num_samples=100_000, learning_rate=4e-3),
    )


def tabletop_codec_per_frame() -> CodecRun:
    """A baseline of `tabletop-codec-8`: an image VAE frame by frame that spends as many values.

    kinema train tabletop-codec-per-frame

    Cost: 60,000 clips, 1.0e14 FLOPs.
    Expect: a PSNR of 33.4 dB on unseen clips of level 1.
    """
    return baseline("per-frame")


def tabletop_codec_temporal_decoder() -> CodecRun:
    """A baseline of `tabletop-codec-8`: an image encoder and a decoder over time.

    kinema train tabletop-codec-temporal-decoder

    Cost: 60,000 clips, 1.1e14 FLOPs.
    Expect: a PSNR of 33.2 dB on unseen clips of level 1.
    """
    return baseline("temporal-decoder")


def baseline(layout: str) -> CodecRun:
    """The run of `tabletop_codec_8` with another network, on the same clips with the same losses.

    It runs at the frame rate of the clip; at half the width a clip takes about as long.
    """
    run = tabletop_codec_8()
    codec = replace(LAYOUTS[layout], channels=2, widths=(32, 64), fitted=True)
    loop = replace(run.loop, num_samples=60_000)
    return replace(run, folder=f"runs/tabletop-codec-{layout}", codec=codec, loop=loop)


def tabletop() -> TextToVideoRun:
    """The text-to-video system of the tabletop, in the latents of the codec that ships.

    kinema train tabletop

    What ships learned in two runs: 140,000 clips in the latents of the codec's first run, then
    115,000 further ones (`--init tabletop`) at three quarters of the rate in those of the codec
    that ships. This recipe does it in one.
    Cost: 255,000 clips, 8.0e14 FLOPs.
    Expect: color, shape and motion are all right in 94 % of the unseen prompts of one object.
    """
    data = replace(CLIPS, levels=(1, 1, 2), num_clips=8_192)
    return TextToVideoRun(
        folder="runs/tabletop",
        data=data,
        held_out=unseen(data, 256),
        codec="tabletop",
        denoiser=DiTConfig(dim=192, depth=6, num_heads=3, patch=(1, 2, 2)),
        text=SmallTextConfig(dim=128, depth=2),
        noise=NoiseLevels(),
        defaults=System(
            num_frames=33, size=(64, 64), fps=16.0, num_steps=4, shift=2.5, guidance_scale=1.5
        ),
        prompts=PROMPTS,
        workers=2,
        first_clips=data.num_clips,
        loop=replace(LOOP, num_samples=255_000, batch_size=64, validate_every=20_000),
    )


def tabletop_128() -> TextToVideoRun:
    """The tabletop at 128 pixels with all levels: two objects, a moving camera, textures.

    kinema train tabletop-128

    It starts from the system that ships, with four new layers, and keeps its codec.
    Cost: 90,000 clips, 2.3e15 FLOPs.
    Expect: a held-out loss of 0.42 after 15,000 clips. It has not been run to its end yet.
    """
    run = tabletop()
    data = replace(CLIPS, levels=(1, 2, 3, 4), size=128, num_clips=16_384)
    return replace(
        run,
        folder="runs/tabletop-128",
        init="tabletop",
        new_layers=4,
        data=data,
        held_out=unseen(data, 256),
        defaults=replace(run.defaults, size=(128, 128)),
        workers=1,
        first_clips=2_048,
        loop=replace(
            run.loop,
            num_samples=90_000,
            batch_size=32,
            learning_rate=1.5e-3,
            decay_share=0.35,
            validate_every=15_000,
        ),
    )


def tabletop_decoder() -> DecoderRun:
    """The decoder of the tabletop, trained further on what its denoiser makes.

    kinema train tabletop-decoder

    Latents and denoiser stay as they are. What ships learned by this recipe.
    Cost: 12,000 clips, 1.4e14 FLOPs.
    Expect: on 32 unseen clips, from latents that the denoiser made in one call, seams of 1.27 in
    place of 2.07 and a PSNR of 30.5 dB in place of 30.0; from clean latents 32.8 in place of 33.6.
    """
    data = replace(CLIPS, num_clips=2_048)
    return DecoderRun(
        folder="runs/tabletop-decoder",
        data=data,
        held_out=unseen(data),
        loop=Loop(
            num_samples=12_000,
            batch_size=4,
            learning_rate=4e-4,
            optimizer="adamw",
            decay_share=0.6,
            validate_every=2_000,
        ),
    )


def tabletop_long() -> TextToVideoRun:
    """A second stage against drift: the tabletop learns to go on from its own, faulty frames.

    kinema train tabletop-long

    Most clips have given frames, some of them noised (GameNGen) and half of them replaced by the
    network's own version (Resampling Forcing).
    Cost: 40,000 clips, 1.3e14 FLOPs, and two thirds more for the resampled histories.
    Expect: the error of identity grows by 4 to 15 % from frame 64 to 1,000, in place of 13 to 27 %.
    """
    run = tabletop()
    return replace(
        run,
        folder="runs/tabletop-long",
        init="tabletop",
        noise=NoiseLevels(together=0.2, given=0.7, per_frame=0.1, max_given=4, context_noise=0.2),
        resampling=Resampling(share=0.5),
        loop=replace(run.loop, num_samples=40_000, learning_rate=1e-3, decay_share=0.6),
    )
