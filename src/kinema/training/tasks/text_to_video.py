"""Training a text-to-video denoiser in the latents of a codec, with or without a first frame."""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import torch
from torch import nn

from kinema.conditions import SmallTextConfig, SmallTextEncoder
from kinema.denoisers import DenoiserConfig, DiT, DiTConfig, make_denoiser
from kinema.diffusion import PREDICTIONS
from kinema.errors import UserError
from kinema.fields import Count, Name, OneOf, Share, Whole, check_fields
from kinema.interop import PretrainedTextEncoder, load_codec
from kinema.training import Loop, Run, Shards
from kinema.training.footage import FolderClips
from kinema.training.histories.resampling import Resampling
from kinema.training.noise_levels import NoiseLevels
from kinema.training.sources import CodecLatents, WorldClips, never_trained_on, unseen
from kinema.training.tasks.clip_data import LatentClips
from kinema.training.tasks.diffusion import Objective, SystemTask
from kinema.training.tasks.own_clips import codec_ceiling, expectation
from kinema.training.tasks.previews import Prompts
from kinema.video import System, VideoPipeline
from kinema.video.system import find_codec

LOG = logging.getLogger("kinema")
NUM_PROMPTS = 4  # drawn from the captions where a run names none
UNNAMED = "a video"  # what a clip without a caption is sampled by
Data = WorldClips | FolderClips


@dataclass
class TextToVideoRun(Run):
    """A training run of a denoiser and the text encoder that steers it."""

    # receives checkpoints, metrics and pictures, and the whole system in `final/`
    folder: Name = "runs/text-to-video"
    # clips of a world, or of a folder with metadata.jsonl
    data: Data = field(default_factory=WorldClips)
    # clips that are never trained on; of a folder "" those that data leaves out
    held_out: Data = field(default_factory=lambda: unseen(WorldClips(), 256))
    # the codec in whose latents the denoiser works: the name of a system that ships, or a folder or
    # repository as `kinema.interop.load_codec` takes it, diffusers' among them
    codec: Name = "runs/codec/final"
    # the network; its channels and its text are set from codec and text encoder
    denoiser: DenoiserConfig = field(default_factory=DiTConfig)
    # the text encoder that is trained with it
    text: SmallTextConfig = field(default_factory=SmallTextConfig)
    # a pretrained text encoder of transformers (T5, UMT5, CLIP), a folder or a repository, that
    # takes the place of `text` and stays as it is; "" trains `text`
    text_encoder: str = ""
    # a system whose denoiser and text encoder are trained further (fine-tuning): a folder, the name
    # of one that ships, or a repository of the hub; "" starts from nothing
    init: str = ""
    # layers that the denoiser of `init`, a DiT, gets behind its own; they begin as the identity
    new_layers: Whole = 0
    noise: NoiseLevels = field(default_factory=NoiseLevels)  # how noise levels are drawn
    # how given frames are replaced by the network's own version of them, against drift
    resampling: Resampling = field(default_factory=Resampling)
    # what the network outputs: eps, v, velocity or x0
    prediction: Annotated[str, OneOf(tuple(PREDICTIONS))] = "x0"
    caption_dropout: Share = 0.1  # share of captions replaced by "", for guidance
    image_share: Share = 0.1  # share of steps on single frames
    # share of steps on clips of half the height and width, so that one network makes both sizes
    half_share: Share = 0.0
    # how samples are drawn, during training and by whoever loads the system; their length, size and
    # frame rate are those of `data`
    defaults: System = field(default_factory=System)
    # what to sample at every validation; none takes captions of the held-out clips
    prompts: tuple[str, ...] = ("a red ball rolls to the right",)
    # the samples begin with the first frames of held-out clips, as in image to video
    animate: bool = False
    loop: Loop = field(default_factory=Loop)  # how long and how fast
    cache: Name = "runs/cache"  # folder for rendered clips and latents, shared by all runs
    workers: Whole = 1  # processes that make clips beside training
    first_clips: Count = 1_024  # clips made before training begins; the others follow beside it

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.image_share + self.half_share > 1:
            raise UserError(
                f"`image_share` and `half_share`, {self.image_share:g} and {self.half_share:g}, "
                "are shares of the steps and together more than 1: lower one of them."
            )
        if self.new_layers and not self.init:
            raise UserError("`new_layers` deepens the denoiser of a system: name it with `init`.")
        if self.init and self.text_encoder:
            raise UserError(
                f"`text_encoder` has no effect with init, {self.init}, whose text encoder is "
                "trained further: leave out one of them."
            )

    def task(self) -> SystemTask:
        """What the run trains.

        Raises:
            UserError: if clips, codec or text encoder are not there or do not fit together.
        """
        torch.manual_seed(self.loop.seed)
        folder = str(find_codec(self.codec))
        codec, data = load_codec(folder), counted(self.data)
        held_out = counted(never_trained_on(data, self.held_out))
        make = trained_network if self.init else new_network
        network = make(self, codec.channels)

        def shards(data: Data, workers: int = self.workers) -> Shards:
            return Shards(CodecLatents(data, folder), Path(self.cache), workers)

        clips = LatentClips(
            clips=shards(data),
            unseen=shards(held_out, workers=0),
            halves=shards(halved(data)) if self.half_share else None,
            half_share=self.half_share,
            shape=codec.latent_shape(data.num_frames, *data.shape),
            seed=self.loop.seed,
            first_clips=self.first_clips,
            image_share=self.image_share,
        )
        objective = Objective(
            self.noise.mixture(), self.prediction, self.caption_dropout, resampling=self.resampling
        )
        preview = self.preview(data, held_out)
        return SystemTask(network, clips, objective, codec, self.system(data), preview)

    def system(self, data: Data) -> System:
        """The defaults of the trained system's videos: those of its clips."""
        fps = data.fps or (data.footage.fps if isinstance(data, FolderClips) else 0)
        return replace(
            self.defaults,
            path="linear",
            prediction=self.prediction,
            num_frames=data.num_frames,
            size=data.shape,
            fps=fps or self.defaults.fps,
            max_size=max(self.defaults.max_size, *data.shape),
        )

    def preview(self, data: Data, held_out: Data) -> Prompts:
        """What is sampled at every validation."""
        count = len(self.prompts) or NUM_PROMPTS
        if not self.animate:
            return Prompts(self.prompts or captions_of(data, held_out, count))
        tensors, captions = held_out.make(list(range(count)))
        prompts = self.prompts or [caption or UNNAMED for caption in captions]
        return Prompts(prompts, list(tensors["frames"][:, 0].numpy()))

    def prepared(self) -> SystemTask:
        """Make the task, and tell what to expect of footage of one's own."""
        check_fields(self, "The run's ")
        task = self.task()
        if isinstance(self.data, FolderClips):
            LOG.info(expectation(len(self.data.clips)))
            codec_ceiling(task.codec, self.data, self.codec)
        return task


def captions_of(data: Data, held_out: Data, count: int) -> list[str]:
    """Up to `count` different captions, those of clips that are held out before the others."""
    if isinstance(data, FolderClips) and isinstance(held_out, FolderClips):
        captions = [*held_out.corpus(), *data.corpus()]
    else:
        captions = held_out.make(list(range(count)))[1]
    return list(dict.fromkeys(filter(None, captions)))[:count] or [UNNAMED]


def halved(data: Data) -> Data:
    """The clips at half their height and width."""
    if isinstance(data, FolderClips) and data.width > 0:
        return replace(data, size=data.size // 2, width=data.width // 2)
    return replace(data, size=data.size // 2)


def counted(data: Data) -> Data:
    """The clips with their number known."""
    return data.counted() if isinstance(data, FolderClips) else data


def new_network(run: TextToVideoRun, channels: int) -> nn.ModuleDict:
    """A denoiser of the codec's channels and a text encoder, untrained unless it is pretrained."""
    text: nn.Module
    if run.text_encoder:
        text = PretrainedTextEncoder.from_pretrained(run.text_encoder)
    else:
        text = SmallTextEncoder.from_corpus(run.data.corpus(), run.text)
    run.denoiser.channels, run.denoiser.text_dim = channels, text.dim
    return nn.ModuleDict({"denoiser": make_denoiser(run.denoiser), "text": text})


def trained_network(run: TextToVideoRun, channels: int) -> nn.ModuleDict:
    """The denoiser and the text encoder of the system `run.init`, in fp32 and ready to learn.

    Raises:
        UserError: if the denoiser works on another number of latent channels.
    """
    system = VideoPipeline.from_pretrained(run.init)
    if system.codec.channels != channels:
        raise UserError(
            f"`init`: the denoiser of {run.init} works on {system.codec.channels} channels, the "
            f"codec {run.codec} has {channels}; name a codec of {system.codec.channels} channels."
        )
    denoiser = deepened(system.denoiser, run.new_layers)
    run.denoiser, run.prediction = denoiser.config, system.system.prediction
    parts = {"denoiser": denoiser, "text": system.text}
    for part in parts.values():
        part.float().requires_grad_(True)  # but a pretrained text encoder stays frozen
    return nn.ModuleDict(parts)


def deepened(denoiser: nn.Module, new_layers: int) -> nn.Module:
    """The denoiser with further layers behind its own, if any are asked for."""
    if not new_layers:
        return denoiser
    if not isinstance(denoiser, DiT):
        raise UserError(
            f"`new_layers`: only a DiT can be made deeper, and the denoiser of `init` is a "
            f"{type(denoiser).__name__}."
        )
    return denoiser.deepened(new_layers)
