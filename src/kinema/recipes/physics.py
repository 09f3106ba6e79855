"""Learning the laws of discs from pixels: the recipes behind `kinema probe physics`.

No text, and no codec unless one is named: a diffusion transformer on large patches that predicts
clean pixels (JiT, Li and He 2025), with the first three frames given, as in Kang et al. 2024
(arXiv:2411.02385). In small redundant pictures position and speed are settled near t = 1, so the
noise levels lie very high: where a disc shows through the noise there is nothing to predict.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kinema import diffusion
from kinema.blocks.attention import Factorized
from kinema.clips import contact_sheet, to_frames, to_tensor
from kinema.codecs import LAYOUTS, Codec, CodecLoss, Pixels
from kinema.conditions import NoText
from kinema.denoisers import DiT, DiTConfig, UNetConfig, UViTConfig, count_flops, make_denoiser
from kinema.diffusion import GivenFrames, Linear, LogitNormal, Mixture, PerFrame
from kinema.errors import UserError
from kinema.fields import Count, Name, Positive, Share, Whole, check_fields
from kinema.interop import load_codec
from kinema.judges.discs import read_physics
from kinema.sampling import Denoise
from kinema.training import Loop, Position, State, draw, train
from kinema.training.histories.degradation import Wear, worn
from kinema.training.histories.resampling import Resampling, resample_history
from kinema.training.histories.zoom import draw_zoom, zoomed
from kinema.training.sources import DiscClips
from kinema.training.tasks.codec import CodecRun
from kinema.video import System, VideoPipeline
from kinema.video.system import find_codec
from kinema.worlds import discs

VALIDATION_TIMES = (0.5, 0.8, 0.9, 0.95, 0.98, 1.0)
FAR = 10**9  # seeds that no training draws


@dataclass
class PhysicsRun:
    """A training run of a denoiser of disc clips, without text.

    Attributes:
        folder: receives checkpoints, metrics and pictures, and the whole system in `final/`.
        data: the clips.
        num_unseen: clips of other seeds, in distribution, for validation.
        given: frames that are given at every prediction.
        most_given: frames that are given at most in training, from `given` up, and carried over
            from window to window of a long video; 0: always `given`.
        codec: in whose latents the denoiser works: one that ships ("physics-codec"), or a folder or
            repository as `kinema.interop.load_codec` takes it; "" works on the pixels.
        denoiser: the network; its channels are set from the codec, and its text is left out.
        init: a system whose denoiser is trained further: a folder, or the name of one that ships;
            "" starts from nothing.
        new_layers: so many layers are added behind those of `init`; they begin as the identity.
        zoom: every training clip is shrunk or grown by a factor from this range about a random
            point, and so are its speeds: uniform motion and collisions know no scale.
        mean: of the logit of t.
        std: of the logit of t.
        given_share: share of clips of which the first `given` to `most_given` frames are given; of
            the others, half have one level for all frames and half a level for each.
        context_noise: most noise, 0 to 1, on the given frames of every other such clip.
        resampling: how given frames are replaced by the network's own version of them, against
            drift.
        wear: how given frames are faded, tinted, swollen and shaken, against drift; in pixels only.
        num_steps: sampling steps; one is best where what is given determines the rest.
        loop: how long and how fast.
    """

    folder: Name = "runs/physics"
    data: DiscClips = field(default_factory=DiscClips)
    num_unseen: Count = 64
    given: Count = 3
    most_given: Whole = 0
    codec: str = ""
    denoiser: DiTConfig | UViTConfig | UNetConfig = field(default_factory=DiTConfig)
    init: str = ""
    new_layers: Whole = 0
    zoom: tuple[Positive, Positive] = (1.0, 1.0)
    mean: float = 6.0
    std: Positive = 1.5
    given_share: Share = 0.8
    context_noise: Share = 0.0
    resampling: Resampling = field(default_factory=Resampling)
    wear: Wear = field(default_factory=Wear)
    num_steps: Count = 1
    loop: Loop = field(default_factory=Loop)

    def __post_init__(self) -> None:
        if not 0 < self.zoom[0] <= self.zoom[1]:
            raise UserError(
                f"zoom is a range of factors, such as 0.5 2 for half to twice the size, "
                f"not {self.zoom}"
            )
        if self.most_given and self.most_given < self.given:
            raise UserError(
                f"most_given is {self.most_given}: it is at least given, {self.given}, or 0 for as "
                "many."
            )
        if self.new_layers and (self.new_layers < 0 or not self.init):
            raise UserError(
                f"new_layers is {self.new_layers}: so many are added to a system, named by --init"
            )
        if self.wear.share and self.codec:
            raise UserError("wear is of pixels: leave out --codec, or --wear.share")

    def task(self) -> "PhysicsTask":
        """What the run trains."""
        check_fields(self)
        return PhysicsTask(self)

    def train(self) -> State:
        """Train to the end, resuming where an interrupted run stopped."""
        return train(self.task(), self.loop, Path(self.folder))

    def noise_levels(self, codec: Codec | None = None) -> Mixture:
        """Of every frame, or of every latent frame of a codec."""
        times = LogitNormal(self.mean, self.std)
        least, most = (
            num_frames_of(codec or Pixels(), count)
            for count in (self.given, self.most_given or self.given)
        )
        clean = GivenFrames(times, most, min_given=least)
        noised = replace(clean, context_noise=self.context_noise)
        half, rest = 0.5 * self.given_share, 0.5 * (1 - self.given_share)
        return Mixture([(half, clean), (half, noised), (rest, times), (rest, PerFrame(times))])


def num_frames_of(codec: Codec, num_frames: int) -> int:
    """Latent frames of a clip of so many frames, of any size."""
    return codec.latent_shape(num_frames, *codec.factors[1:])[1]


def make_codec(run: PhysicsRun) -> Codec:
    """What the denoiser works in, fixed.

    Raises:
        UserError: if there is no such codec, or the given frames do not fill its latents.
    """
    if not run.codec:
        return Pixels()
    codec = load_codec(find_codec(run.codec)).requires_grad_(False).to(run.loop.device)
    factor = codec.factors[0]
    if (run.given - 1) % factor:
        raise UserError(
            f"given is {run.given}: of the codec {run.codec} a latent frame after the first holds "
            f"{factor} frames, so 1 + {factor} k can be given, such as {1 + factor}"
        )
    return codec


def make_network(run: PhysicsRun, codec: Codec) -> nn.Module:
    """A new denoiser, or the one of the system `run.init`, in fp32 and ready to learn.

    Raises:
        UserError: if that system works on other latents, with text, or has no layers to add to; or
            the denoiser needs text.
    """
    if not run.init:
        run.denoiser = replace(run.denoiser, channels=codec.channels, text_dim=0)
        return make_denoiser(run.denoiser)
    system = VideoPipeline.from_pretrained(run.init)
    if system.denoiser.config.channels != codec.channels or system.denoiser.config.text_dim:
        raise UserError(
            f"init: {run.init} does not make {codec.channels} channels without text; name what a "
            "physics recipe made with the same codec"
        )
    network = system.denoiser.float()
    if run.new_layers:
        if not isinstance(network, DiT):
            raise UserError(f"new_layers: those of a DiT, which the denoiser of {run.init} is not")
        network = network.deepened(run.new_layers)
    run.denoiser = network.config
    return network.requires_grad_(True)


class PhysicsTask:
    """What the loop asks of a physics run."""

    def __init__(self, run: PhysicsRun):
        torch.manual_seed(run.loop.seed)
        self.run, self.codec = run, make_codec(run)
        self.network = make_network(run, self.codec)
        self.path, self.times = Linear(), run.noise_levels(self.codec)
        size = (run.data.size, run.data.size)
        self.shape = self.codec.latent_shape(run.data.num_frames, *size)  # c f' h' w'
        self.clip_flops = count_flops(self.network, self.shape, text_tokens=0)
        seeds = range(FAR, FAR + run.num_unseen)
        self.scenes = [discs.sample_scene(seed, run.data.level, run.data.split) for seed in seeds]
        self.unseen = run.data.make(list(range(FAR - run.data.seed, seeds.stop - run.data.seed)))
        self.unseen_frames = self.unseen[0]["frames"].numpy()

    @property
    def device(self) -> torch.device:
        """Where the network lies; all draws are made on the processor and carried there."""
        return next(self.network.parameters()).device

    def loss(
        self, position: Position, batch_size: int, rows: slice
    ) -> tuple[Tensor, dict[str, float]]:
        """The diffusion loss on clips rendered for this step."""
        indices = draw(self.run.loop.seed, position, batch_size, self.run.data.num_clips)
        frames = self.run.data.make(indices[rows].tolist())[0]["frames"]
        clips = to_tensor(frames.numpy())
        if self.run.zoom != (1.0, 1.0):
            factor, point = draw_zoom(self.run.zoom, batch_size)
            clips = zoomed(clips, factor[rows], point[rows])
        x0 = self.encode(clips)
        t = self.times.draw(batch_size, x0.shape[2])[rows].to(x0)
        noise = torch.randn(batch_size, *x0.shape[1:])[rows].to(x0)
        if self.run.wear.share:
            x0 = worn(x0, t, self.run.wear.draw(batch_size, *x0.shape[1:3])[rows])
        if self.run.resampling.share:
            x0 = self.resampled(x0, t, batch_size, rows)
        return self.diffusion_loss(x0, t, noise).mean(), {}

    def resampled(self, x0: Tensor, t: Tensor, batch_size: int, rows: slice) -> Tensor:
        """The clips with histories as the network would have made them; b c f' h' w'."""
        spec, denoise = self.run.resampling, Denoise(self.network, self.path, "x0")
        t_s, noise = spec.draw(batch_size)[rows], torch.randn(batch_size, *x0.shape[1:])[rows]
        t_s, noise = t_s.to(x0), noise.to(x0)
        return resample_history(denoise, x0, t, t_s, noise, self.path, spec.num_steps)

    @torch.no_grad()
    def encode(self, clips: Tensor) -> Tensor:
        """b 3 f h w in [-1, 1] -> b c f' h' w', where the network lies."""
        # In full precision, as the pipeline encodes what is given.
        with torch.autocast(self.device.type, enabled=False):
            return self.codec.encode(clips.to(self.device))

    def diffusion_loss(self, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Per clip, in velocity space; x0: b c f' h' w', t: b f'."""
        return diffusion.loss(self.network, x0, None, t, noise, self.path, "x0")

    def rehearse(self, batch_size: int) -> Tensor:
        """The loss of empty clips of the run's shape, to see what a step takes."""
        x0 = torch.zeros(batch_size, *self.shape, device=self.device)
        t = x0.new_full((batch_size, self.shape[1]), 0.5)
        return self.diffusion_loss(x0, t, torch.zeros_like(x0)).mean()

    def validate(self) -> dict[str, float]:
        """The flow loss and the velocity error on clips never trained on."""
        generator = torch.Generator().manual_seed(0)
        x0, losses = self.encode(to_tensor(self.unseen_frames)), []
        for time in VALIDATION_TIMES:
            noise = torch.randn(x0.shape, generator=generator).to(x0)
            t = x0.new_full((len(x0), x0.shape[2]), time)
            t[:, : num_frames_of(self.codec, self.run.given)] = 0
            losses.append(self.diffusion_loss(x0, t, noise).mean().item())
        pairs = zip(self.predictions(), self.scenes, strict=True)
        readings = [read_physics(frames, scene, self.run.given) for frames, scene in pairs]
        errors = [reading.velocity_error for reading in readings if reading is not None]
        return {"loss": float(np.mean(losses)), "velocity_error": float(np.mean(errors))}

    def predictions(self) -> np.ndarray:
        """The unseen clips as the network goes on from their first frames, uint8."""
        given = to_tensor(self.unseen_frames[:, : self.run.given])
        count, length = self.unseen_frames.shape[:2]
        return to_frames(self.pipeline().complete(given, length, range(count)))

    def pipeline(self) -> VideoPipeline:
        """The system as it stands."""
        data = self.run.data
        system = System(
            path="linear",
            prediction="x0",
            num_frames=data.num_frames,
            size=(data.size, data.size),
            fps=10.0,
            num_steps=self.run.num_steps,
            guidance_scale=1.0,
            overlap=min(self.run.most_given or self.run.given, data.num_frames - 1),
        )
        return VideoPipeline(self.network, self.codec, NoText(), system).to(self.device)

    def show(self, folder: Path, samples: int) -> None:
        """A sheet of true and predicted clips in turn."""
        folder.mkdir(parents=True, exist_ok=True)
        pairs = zip(self.unseen_frames[:4], self.predictions()[:4], strict=True)
        rows = [frames for pair in pairs for frames in pair]
        contact_sheet(rows, folder / f"{samples:09d}.png", labels=["true", "predicted"] * 4)

    def save(self, folder: Path) -> None:
        self.pipeline().save_pretrained(folder)

    def flops(self, batch_size: int) -> float:
        """Forward and backward of whole clips: three times the forward pass."""
        return 3.0 * batch_size * self.clip_flops


def physics(law: str, num_samples: int) -> PhysicsRun:
    """32 frames of 32 pixels in 16 patches of 8 x 8 each, and a transformer of 2 M parameters.

    Attention within frames and along time in turns: after five minutes on one core a velocity error
    of 0.46, 0.59 with full attention (and 2.4 with batches of 32: small ones make more steps).
    """
    return PhysicsRun(
        folder=f"runs/physics-{law}",
        data=DiscClips(law),
        denoiser=DiTConfig(dim=128, depth=6, num_heads=2, patch=(1, 8, 8), attention=Factorized()),
        loop=Loop(
            num_samples=num_samples,
            batch_size=8,
            learning_rate=2e-3,
            optimizer="muon",
            adamw_share=0.5,
            validate_every=num_samples // 10,
        ),
    )


def physics_uniform() -> PhysicsRun:
    """A disc at constant speed: kinema train physics-uniform"""
    return physics("uniform", 100_000)


def physics_parabola() -> PhysicsRun:
    """A disc thrown under gravity: kinema train physics-parabola

    Set out from physics-uniform, which knows discs already: after 8,000 clips its velocity error
    is where uniform motion alone was after 65,000.
    """
    return replace(physics("parabola", 40_000), init="physics-uniform")


def physics_collision() -> PhysicsRun:
    """Two discs that collide: kinema train physics-collision

    What ships learned in six runs: 152,000 clips at `--mean 2`, then (`--init physics-collision`)
    76,000 at `--mean 4`, 76,000 at 6 as this recipe has it, 70,000 with `--data.split swift`, as
    all that follow; from the mean of these weights and those 36,000 clips later, 72,000 with
    `--new-layers 3`; and 24,000 with `--mean 8 --loop.learning-rate 1e-3`.
    """
    return physics("collision", 228_000)


def physics_box() -> PhysicsRun:
    """A disc in a closed box, without end: kinema train physics-box

    For `kinema probe drift --world box`. Clips begin with 8 to 24 given frames of 32, so windows
    of a long video see 24 frames back. Most histories are worn, so that the network brings back
    what has drifted. Set out from physics-uniform.

    What ships saw 48,000 clips in 37 minutes on one core, the first 24,000 with `--wear.swell 0.3
    --wear.shake 0.3`.
    """
    return replace(
        physics("box", 60_000), init="physics-uniform", given=8, most_given=24, wear=Wear(share=0.7)
    )


def physics_curtain() -> PhysicsRun:
    """The box with a curtain, and a disc of any of six colours: kinema train physics-curtain

    For `kinema probe occlusion`. Every third scene of its law is the plain box. Set out from
    physics-uniform.

    What ships learned in six runs: 110,000 clips without wear at `--mean` 2 to 4; with wear 36,000
    further ones, the first 13,000 with `--wear.swell 0.3 --wear.shake 0.3`, then 120,000 with
    `--wear.tint 0.1`, 30,000 with `--mean 3 --std 2 --loop.learning-rate 1e-3`, 120,000 with
    `--mean 3 --std 2 --wear.tint 0.1`, and 100,000 with these and `--given 20 --given-share 0.95`.
    """
    run = physics("curtain", 120_000)
    return replace(physics_box(), folder=run.folder, data=run.data, loop=run.loop)


def physics_codec() -> CodecRun:
    """An image VAE of discs, 8x8 pixels in 16 numbers frame by frame: kinema train physics-codec

    What the physics recipes learn in with `--codec`. A collision shows both colours, and radii
    beyond those of the other laws on both sides.
    """
    data = DiscClips("collision", num_frames=9, num_clips=8_192)
    return CodecRun(
        folder="runs/physics-codec",
        data=data,
        held_out=replace(data, seed=FAR, num_clips=64),
        codec=replace(LAYOUTS["per-frame"], channels=16, fitted=True),
        weights=CodecLoss(outlines=0, motion=0, equivariance=0, kl=1e-6, softness=1),
        sizes=(1.0,),
        loop=Loop(
            num_samples=40_000,
            batch_size=8,
            learning_rate=4e-3,
            optimizer="muon",
            adamw_share=0.15,
            validate_every=5_000,
        ),
    )
