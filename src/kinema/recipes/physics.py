"""Learning the laws of discs from pixels: the recipes behind `kinema probe physics`.

No text, and no codec unless one is named: a diffusion transformer on large patches that predicts
clean pixels (JiT, Li and He 2025), with the first three frames given, as in Kang et al. 2024
(arXiv:2411.02385). In small redundant pictures position and speed are settled near t = 1, so the
noise levels lie very high: where a disc shows through the noise there is nothing to predict.
"""

from dataclasses import replace

from kinema.blocks.attention import Factorized
from kinema.codecs import LAYOUTS, CodecLoss
from kinema.denoisers import DiTConfig
from kinema.recipes.tabletop import CODEC_LOOP, LOOP
from kinema.training.histories.degradation import Degradation
from kinema.training.sources import DiscClips
from kinema.training.tasks.clip_data import HELD_OUT_SEED
from kinema.training.tasks.codec import CodecRun
from kinema.training.tasks.physics import PhysicsRun


def physics(law: str, num_samples: int) -> PhysicsRun:
    """32 frames of 32 pixels in 16 patches of 8 x 8 each, and a transformer of 2 M parameters.

    Attention within frames and along time in turns: after five minutes on one core a velocity error
    of 0.46, 0.59 with full attention (and 2.4 with batches of 32: small ones make more steps).
    """
    return PhysicsRun(
        folder=f"runs/physics-{law}",
        data=DiscClips(law),
        denoiser=DiTConfig(dim=128, depth=6, num_heads=2, patch=(1, 8, 8), attention=Factorized()),
        loop=replace(LOOP, num_samples=num_samples, batch_size=8, validate_every=num_samples // 10),
    )


def physics_uniform() -> PhysicsRun:
    """A disc at constant speed.

    kinema train physics-uniform

    Cost: 100,000 clips, 4.0e14 FLOPs.
    Expect: a velocity error of 0.025 on unseen clips.
    """
    return physics("uniform", 100_000)


def physics_parabola() -> PhysicsRun:
    """A disc thrown under gravity.

    kinema train physics-parabola

    It starts from physics-uniform, which knows discs already: after 8,000 clips its velocity error
    is where uniform motion alone was after 65,000.
    Cost: 40,000 clips, 1.6e14 FLOPs.
    Expect: a velocity error of 0.022.
    """
    return replace(physics("parabola", 40_000), init="physics-uniform")


def physics_collision() -> PhysicsRun:
    """Two discs that collide.

    kinema train physics-collision

    What ships learned in six runs: 152,000 clips at `--mean 2`, then (`--init physics-collision`)
    76,000 at `--mean 4`, 76,000 at 6 as this recipe has it, 70,000 with `--data.split swift`, as
    all that follow; from the mean of these weights and those 36,000 clips later, 72,000 with
    `--new_layers 3`; and 24,000 with `--mean 8 --loop.learning_rate 1e-3`.
    Cost: 228,000 clips, 9.2e14 FLOPs; what ships took 506,000 clips.
    Expect: a velocity error of 0.07; what ships has 0.053.
    """
    return physics("collision", 228_000)


def physics_box() -> PhysicsRun:
    """A disc in a closed box, without end.

    kinema train physics-box

    For `kinema probe drift --world box`. Clips begin with 8 to 24 given frames of 32, so windows
    of a long video see 24 frames back. Most histories are degraded, so that the network brings back
    what has drifted. It starts from physics-uniform.

    What ships saw 48,000 clips, the first 24,000 with
    `--degradation.swell 0.3 --degradation.shake 0.3`.
    Cost: 60,000 clips, 2.4e14 FLOPs.
    Expect: one whole disc in 87 % of the frames around frame 1,000, by `crossfade`.
    """
    run = replace(physics("box", 60_000), degradation=Degradation(share=0.7))
    return replace(run, init="physics-uniform", given=8, most_given=24)


def physics_curtain() -> PhysicsRun:
    """The box with a curtain, and a disc of any of six colors.

    kinema train physics-curtain

    For `kinema probe occlusion`. Every third scene of its law is the plain box. It starts from
    physics-uniform.

    What ships learned in six runs: 110,000 clips without degradation at `--mean` 2 to 4; with it
    36,000 further ones, the first 13,000 with `--degradation.swell 0.3 --degradation.shake 0.3`,
    then 120,000 with `--degradation.tint 0.1`, 30,000 with `--mean 3 --std 2
    --loop.learning_rate 1e-3`, 120,000 with `--mean 3 --std 2 --degradation.tint 0.1`, and 100,000
    with these and `--given 20 --given_share 0.95`.
    Cost: 120,000 clips, 4.8e14 FLOPs; what ships took 516,000 clips.
    Expect: after about as many clips 46 % of the discs that were hidden within the horizon
    survived, by `sliding`; with what ships 90 % do.
    """
    run = physics("curtain", 120_000)
    return replace(physics_box(), folder=run.folder, data=run.data, loop=run.loop)


def physics_codec() -> CodecRun:
    """An image VAE of discs, 8x8 pixels in 16 numbers, frame by frame.

    kinema train physics-codec

    The physics recipes learn in its latents with `--codec physics-codec`. A collision shows both
    colors, and radii beyond those of the other laws on both sides.
    Cost: 40,000 clips, 6.5e13 FLOPs.
    Expect: a PSNR of 49 dB on unseen clips.
    """
    data = DiscClips("collision", num_frames=9, num_clips=8_192)
    return CodecRun(
        folder="runs/physics-codec",
        data=data,
        held_out=replace(data, seed=HELD_OUT_SEED, num_clips=64),
        codec=replace(LAYOUTS["per-frame"], channels=16, fitted=True),
        weights=CodecLoss(outlines=0, motion=0, equivariance=0, kl=1e-6, softness=1),
        sizes=(1.0,),
        loop=replace(
            CODEC_LOOP, num_samples=40_000, batch_size=8, learning_rate=4e-3, validate_every=5_000
        ),
    )
