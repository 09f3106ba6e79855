"""Training a denoiser of disc clips without text: given the first frames, it makes the rest."""

from dataclasses import dataclass, field, replace

import torch
from torch import nn

from kinema.codecs import Codec, Pixels
from kinema.conditions import NoText
from kinema.denoisers import DiT, DiTConfig, UNetConfig, UViTConfig, make_denoiser
from kinema.errors import UserError
from kinema.fields import Count, Name, Positive, Share, Whole
from kinema.interop import load_codec
from kinema.training import Loop, Run
from kinema.training.histories.degradation import Degradation
from kinema.training.histories.resampling import Resampling
from kinema.training.noise_levels import NoiseLevels
from kinema.training.sources import DiscClips
from kinema.training.tasks.clip_data import RenderedClips
from kinema.training.tasks.diffusion import Objective, SystemTask
from kinema.training.tasks.previews import Predictions
from kinema.video import System, VideoPipeline
from kinema.video.system import find_codec
from kinema.worlds import discs

VALIDATION_TIMES = (0.5, 0.8, 0.9, 0.95, 0.98, 1.0)


@dataclass
class PhysicsRun(Run):
    """A training run of a denoiser of disc clips, without text."""

    # receives checkpoints, metrics and pictures, and the whole system in `final/`
    folder: Name = "runs/physics"
    data: DiscClips = field(default_factory=DiscClips)  # the clips
    num_unseen: Count = 64  # clips of other seeds, in distribution, for validation
    given: Count = 3  # frames that are given at every prediction
    # frames that are given at most in training, from `given` up, and carried over from window to
    # window of a long video; 0: always `given`
    most_given: Whole = 0
    # in whose latents the denoiser works: one that ships ("physics-codec"), or a folder or
    # repository as `kinema.interop.load_codec` takes it; "" works on the pixels
    codec: str = ""
    # the network; its channels are set from the codec, and its text is left out
    denoiser: DiTConfig | UViTConfig | UNetConfig = field(default_factory=DiTConfig)
    # a system whose denoiser is trained further: a folder, or the name of one that ships; "" starts
    # from nothing
    init: str = ""
    # so many layers are added behind those of `init`; they begin as the identity
    new_layers: Whole = 0
    # every training clip is shrunk or grown by a factor from this range about a random point, and
    # so are its speeds: uniform motion and collisions know no scale
    zoom: tuple[Positive, Positive] = (1.0, 1.0)
    mean: float = 6.0  # of the logit of t
    std: Positive = 1.5  # of the logit of t
    # share of clips of which the first `given` to `most_given` frames are given; of the others,
    # half have one level for all frames and half a level for each
    given_share: Share = 0.8
    context_noise: Share = 0.0  # most noise, 0 to 1, on the given frames of every other such clip
    # how given frames are replaced by the network's own version of them, against drift
    resampling: Resampling = field(default_factory=Resampling)
    # how given frames are faded, tinted, swollen and shaken, against drift; in pixels only
    degradation: Degradation = field(default_factory=Degradation)
    num_steps: Count = 1  # sampling steps; one is best where what is given determines the rest
    loop: Loop = field(default_factory=Loop)  # how long and how fast

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.zoom[0] > self.zoom[1]:
            raise UserError(
                "The zoom is a range of factors, such as 0.5 2 for half to twice the size, "
                f"not {self.zoom}."
            )
        if self.most_given and self.most_given < self.given:
            raise UserError(
                f"`most_given` is {self.most_given}: it is at least given, {self.given}, or 0 for "
                "as many."
            )
        if self.new_layers and not self.init:
            raise UserError(
                f"`new_layers` is {self.new_layers}: so many are added to a system, named by "
                "--init."
            )
        if self.degradation.share and self.codec:
            raise UserError("Degradation is of pixels: leave out --codec or --degradation.share.")

    def task(self) -> SystemTask:
        """What the run trains.

        Raises:
            UserError: if codec, system and given frames do not fit together.
        """
        torch.manual_seed(self.loop.seed)
        codec = make_codec(self)
        network = nn.ModuleDict({"denoiser": make_network(self, codec), "text": NoText()})
        clips = RenderedClips(
            self.data, codec, self.loop.seed, self.zoom, self.num_unseen, self.loop.device
        )
        objective = Objective(
            times=self.noise_levels(codec).mixture(),
            degradation=self.degradation,
            resampling=self.resampling,
            validation_times=VALIDATION_TIMES,
            num_given=num_latent_frames(codec, self.given),
        )
        scenes = [
            discs.sample_scene(seed, self.data.level, self.data.split)
            for seed in clips.unseen_seeds
        ]
        preview = Predictions(clips.unseen_frames, scenes, self.given)
        return SystemTask(network, clips, objective, codec, self.system(), preview)

    def system(self) -> System:
        """The defaults of the trained system's videos."""
        return System(
            path="linear",
            prediction="x0",
            num_frames=self.data.num_frames,
            size=self.data.shape,
            fps=10.0,
            num_steps=self.num_steps,
            guidance_scale=1.0,
            overlap=min(self.most_given or self.given, self.data.num_frames - 1),
        )

    def noise_levels(self, codec: Codec) -> NoiseLevels:
        """Those of every frame, or of every latent frame of a codec."""
        rest = 0.5 * (1 - self.given_share)
        return NoiseLevels(
            self.mean,
            self.std,
            together=rest,
            given=self.given_share,
            per_frame=rest,
            min_given=num_latent_frames(codec, self.given),
            max_given=num_latent_frames(codec, self.most_given or self.given),
            context_noise=self.context_noise,
        )


def num_latent_frames(codec: Codec, num_frames: int) -> int:
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
            f"`given` is {run.given}: of the codec {run.codec} a latent frame after the first "
            f"holds {factor} frames, so 1 + {factor} k can be given, such as {1 + factor}."
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
            f"`init`: {run.init} does not make {codec.channels} channels without text; name what a "
            "physics recipe made with the same codec."
        )
    network = system.denoiser.float()
    if run.new_layers:
        if not isinstance(network, DiT):
            raise UserError(f"`new_layers` are of a DiT, which the denoiser of {run.init} is not.")
        network = network.deepened(run.new_layers)
    run.denoiser = network.config
    return network.requires_grad_(True)
