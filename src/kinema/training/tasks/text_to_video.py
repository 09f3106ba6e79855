"""Training a text-to-video denoiser in the latents of a codec."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor, nn

from kinema import diffusion
from kinema.clips import contact_sheet
from kinema.conditions import Conditions, SmallTextConfig, SmallTextEncoder
from kinema.denoisers import DenoiserConfig, DiTConfig, count_flops, make_denoiser
from kinema.diffusion import (
    PREDICTIONS,
    GivenFrames,
    Interpolation,
    Linear,
    LogitNormal,
    Mixture,
    PerFrame,
    Staircase,
    Times,
)
from kinema.errors import UserError
from kinema.fields import Count, Name, OneOf, Positive, Share, Whole, check_fields
from kinema.interop import load_codec
from kinema.sampling import Denoise
from kinema.training import Loop, Position, Shards, State, draw, train
from kinema.training.histories.resampling import Resampling, resample_history
from kinema.training.sources import CodecLatents, FolderClips, WorldClips
from kinema.training.tasks.codec import num_ready, unseen
from kinema.video import System, VideoPipeline
from kinema.video.system import find_codec

VALIDATION_TIMES = (0.2, 0.4, 0.6, 0.8, 0.9, 0.97)


@dataclass
class NoiseLevels:
    """How training draws the noise level of every frame.

    Attributes:
        mean: of the logit of t; above 0 leans towards noise, where the scene is decided.
        std: of the logit of t.
        shift: moves times towards noise, for longer and larger clips.
        together: share of clips whose frames all have one level.
        given: share of clips whose first frames are clean (image to video, continuation).
        per_frame: share of clips in which every frame has its own level (diffusion forcing).
        interpolation: share of clips whose every fourth and last latent frame is clean.
        staircase: share of clips that rise from clean to noise over four latent frames, as a
            rolling generation sees them.
        max_given: most latent frames that are clean.
        context_noise: most noise, 0 to 1, on the given frames of every other such clip: the network
            learns to mistrust its own history (GameNGen).
    """

    mean: float = 1.0
    std: Positive = 1.2
    shift: Positive = 1.0
    together: Share = 0.7
    given: Share = 0.2
    per_frame: Share = 0.1
    interpolation: Share = 0.0
    staircase: Share = 0.0
    max_given: Count = 3
    context_noise: Share = 0.0

    def mixture(self) -> Mixture:
        times = LogitNormal(self.mean, self.std, self.shift)
        clean = GivenFrames(times, self.max_given)
        noised = GivenFrames(times, self.max_given, self.context_noise)
        parts: list[tuple[float, Times]] = [
            (self.together, times),
            (self.given / 2, clean),
            (self.given / 2, noised),
            (self.per_frame, PerFrame(times)),
        ]
        more: list[tuple[float, Times]] = [
            (self.interpolation, Interpolation(times)),
            (self.staircase, Staircase(shift=self.shift)),
        ]
        # A part draws even if its share is 0: without these, a run draws what it always drew.
        return Mixture([*parts, *(part for part in more if part[0] > 0)])


@dataclass
class TextToVideoRun:
    """A training run of a denoiser and the text encoder that steers it.

    Attributes:
        folder: receives checkpoints, metrics and pictures, and the whole system in `final/`.
        data: clips of a world, or of a folder with metadata.jsonl.
        held_out: clips that are never trained on.
        codec: the codec in whose latents the denoiser works: the name of a system that ships, or a
            folder or repository as `kinema.interop.load_codec` takes it, diffusers' among them.
        denoiser: the network; its channels and its text are set from codec and text encoder.
        text: the text encoder.
        init: a system whose denoiser and text encoder are trained further (fine-tuning): a folder,
            the name of one that ships, or a repository of the hub; "" starts from nothing.
        noise: how noise levels are drawn.
        resampling: how given frames are replaced by the network's own version of them, against
            drift.
        prediction: what the network outputs: eps, v, velocity or x0.
        caption_dropout: share of captions replaced by "", for guidance.
        image_share: share of steps on single frames.
        defaults: how samples are drawn, during training and by whoever loads the system; their
            length, size and frame rate are those of `data`.
        prompts: what to sample at every validation.
        loop: how long and how fast.
        cache: folder for rendered clips and latents, shared by all runs.
        workers: processes that make clips beside training.
        first_clips: clips made before training begins; the others follow beside it.
    """

    folder: Name = "runs/text-to-video"
    data: WorldClips | FolderClips = field(default_factory=WorldClips)
    held_out: WorldClips | FolderClips = field(default_factory=lambda: unseen(WorldClips(), 256))
    codec: Name = "runs/codec/final"
    denoiser: DenoiserConfig = field(default_factory=DiTConfig)
    text: SmallTextConfig = field(default_factory=SmallTextConfig)
    init: str = ""
    noise: NoiseLevels = field(default_factory=NoiseLevels)
    resampling: Resampling = field(default_factory=Resampling)
    prediction: Annotated[str, OneOf(tuple(PREDICTIONS))] = "x0"
    caption_dropout: Share = 0.1
    image_share: Share = 0.1
    defaults: System = field(default_factory=System)
    prompts: tuple[str, ...] = ("a red ball rolls to the right",)
    loop: Loop = field(default_factory=Loop)
    cache: Name = "runs/cache"
    workers: Whole = 1
    first_clips: Count = 1_024

    def task(self) -> "TextToVideoTask":
        """What the run trains."""
        check_fields(self)
        return TextToVideoTask(self)

    def train(self) -> State:
        """Train to the end, resuming where an interrupted run stopped."""
        task = self.task()
        task.clips.start()
        try:
            return train(task, self.loop, Path(self.folder))
        finally:
            task.clips.stop()


def new_network(run: TextToVideoRun, channels: int) -> nn.ModuleDict:
    """A denoiser of the codec's channels and a text encoder of the data's words, untrained."""
    run.denoiser.channels, run.denoiser.text_dim = channels, run.text.dim
    text = SmallTextEncoder.from_corpus(run.data.corpus(), run.text)
    return nn.ModuleDict({"denoiser": make_denoiser(run.denoiser), "text": text})


def trained_network(run: TextToVideoRun, channels: int) -> nn.ModuleDict:
    """The denoiser and the text encoder of the system `run.init`, in fp32 and ready to learn.

    Raises:
        UserError: if the denoiser works on another number of latent channels.
    """
    system = VideoPipeline.from_pretrained(run.init)
    if system.codec.channels != channels:
        raise UserError(
            f"init: the denoiser of {run.init} works on {system.codec.channels} channels, the "
            f"codec {run.codec} has {channels}; name a codec of {system.codec.channels} channels"
        )
    run.denoiser, run.prediction = system.denoiser.config, system.system.prediction
    parts = {"denoiser": system.denoiser, "text": system.text}
    for part in parts.values():
        part.float().requires_grad_(True)  # but a pretrained text encoder stays frozen
    return nn.ModuleDict(parts)


class TextToVideoTask:
    """What the loop asks of a text-to-video run."""

    def __init__(self, run: TextToVideoRun):
        torch.manual_seed(run.loop.seed)
        folder = str(find_codec(run.codec))
        self.run, self.codec = run, load_codec(folder)
        self.clips = Shards(CodecLatents(run.data, folder), Path(run.cache), run.workers)
        self.unseen = Shards(CodecLatents(run.held_out, folder), Path(run.cache), workers=0)
        make = trained_network if run.init else new_network
        self.network = make(run, self.codec.channels)
        self.path, self.times = Linear(), run.noise.mixture()
        shape = self.codec.latent_shape(run.data.num_frames, run.data.size, run.data.size)
        self.clip_flops = count_flops(self.network["denoiser"], shape, text_tokens=16)

    @property
    def device(self) -> torch.device:
        """Where the network lies; all draws are made on the processor and carried there."""
        return next(self.network.parameters()).device

    def loss(
        self, position: Position, batch_size: int, rows: slice
    ) -> tuple[Tensor, dict[str, float]]:
        """The diffusion loss on clips, or on single frames; some captions are dropped."""
        image = bool(torch.rand(()) < self.run.image_share)
        ready = num_ready(position.samples, len(self.clips), self.run.first_clips)
        indices = draw(self.run.loop.seed, position, batch_size, ready)[rows]
        clips, captions = self.clips.read(indices)
        x0 = clips["image" if image else "latents"].float().to(self.device)
        dropped = (torch.rand(batch_size) < self.run.caption_dropout)[rows]
        captions = ["" if d else c for c, d in zip(captions, dropped, strict=True)]
        t = self.times.draw(batch_size, x0.shape[2])[rows].to(x0)
        noise = torch.randn(batch_size, *x0.shape[1:])[rows].to(x0)
        if self.run.resampling.share:
            x0 = self.resampled(x0, captions, t, batch_size, rows)
        loss = self.diffusion_loss(x0, captions, t, noise).mean()
        return loss, {"loss_image" if image else "loss_video": loss.item()}

    @torch.no_grad()
    def resampled(
        self, x0: Tensor, captions: list[str], t: Tensor, batch_size: int, rows: slice
    ) -> Tensor:
        """The clips with histories as the network would have made them; b c f h w."""
        spec, conditions = self.run.resampling, Conditions(self.network["text"](captions))
        denoise = Denoise(self.network["denoiser"], self.path, self.run.prediction, conditions)
        t_s, noise = spec.draw(batch_size)[rows], torch.randn(batch_size, *x0.shape[1:])[rows]
        t_s, noise = t_s.to(x0), noise.to(x0)
        return resample_history(denoise, x0, t, t_s, noise, self.path, spec.num_steps)

    def diffusion_loss(self, x0: Tensor, captions: list[str], t: Tensor, noise: Tensor) -> Tensor:
        """Per clip, in velocity space; x0: b c f h w, t: b f."""
        conditions = Conditions(self.network["text"](captions))
        network = self.network["denoiser"]
        return diffusion.loss(network, x0, conditions, t, noise, self.path, self.run.prediction)

    def rehearse(self, batch_size: int) -> Tensor:
        """The loss of empty clips of the run's shape, to see what a step takes."""
        data = self.run.data
        shape = self.codec.latent_shape(data.num_frames, data.size, data.size)
        x0 = torch.zeros(batch_size, *shape, device=self.device)
        t = x0.new_full((batch_size, shape[1]), 0.5)
        captions = [self.run.prompts[0]] * batch_size
        return self.diffusion_loss(x0, captions, t, torch.zeros_like(x0)).mean()

    def validate(self) -> dict[str, float]:
        """The flow loss on clips never trained on, on fixed times and fixed noise.

        It tracks quality where the training loss does not (Open-Sora 1.2); its high-noise end,
        where scene and motion are decided, is reported by itself.
        """
        generator = torch.Generator().manual_seed(0)
        clips, captions = self.unseen.read(range(min(64, len(self.unseen))))
        x0 = clips["latents"].float().to(self.device)
        losses = {}
        for time in VALIDATION_TIMES:
            noise = torch.randn(x0.shape, generator=generator).to(x0)
            t = x0.new_full((len(x0), x0.shape[2]), time)
            losses[time] = self.diffusion_loss(x0, captions, t, noise).mean().item()
        mean = sum(losses.values()) / len(losses)
        return {"loss": mean, "loss_high": losses[0.97], "loss_low": losses[0.2]}

    def pipeline(self) -> VideoPipeline:
        """The system as it stands: what is sampled here is what the command line samples."""
        data, defaults = self.run.data, self.run.defaults
        system = replace(
            defaults,
            path="linear",
            prediction=self.run.prediction,
            num_frames=data.num_frames,
            size=(data.size, data.size),
            fps=data.fps or defaults.fps,  # 0: the files keep their own
        )
        parts = self.network["denoiser"], self.codec, self.network["text"]
        return VideoPipeline(*parts, system).to(self.device)

    def show(self, folder: Path, samples: int) -> None:
        """A sheet of samples, one row a prompt."""
        folder.mkdir(parents=True, exist_ok=True)
        output = self.pipeline()(list(self.run.prompts), seed=0, progress=False)
        contact_sheet(
            list(output.frames), folder / f"{samples:09d}.png", labels=list(self.run.prompts)
        )

    def save(self, folder: Path) -> None:
        self.pipeline().save_pretrained(folder)

    def flops(self, batch_size: int) -> float:
        """Forward and backward of the denoiser on whole clips: three times the forward pass."""
        return 3.0 * batch_size * self.clip_flops
