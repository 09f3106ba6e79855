"""The diffusion task: a denoiser, and what is trained with it, learn to remove noise from clips.

A step draws clips, drops some of their captions, draws a noise level for every frame and noise for
all of them, replaces histories by what a rollout would have made of them, and takes the loss. What
differs between runs is where the clips come from (`ClipData`), what is asked of the denoiser
(`Objective`), and what is made of it in the end (`SystemTask`: a system of `kinema.video`).

Axes: b clips, c channels, f frames, h w pixels or latents.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from kinema import diffusion
from kinema.clips import contact_sheet
from kinema.codecs import Codec
from kinema.conditions import Conditions
from kinema.denoisers import count_flops
from kinema.diffusion import Linear, Times, Uniform
from kinema.sampling import Denoise
from kinema.training import Position
from kinema.training.histories.degradation import Degradation, degraded
from kinema.training.histories.resampling import Resampling, resample_history
from kinema.video import System, VideoPipeline

PROMPT, PROMPT_TOKENS = "a red ball rolls to the right", 16  # what a step's cost is counted with


@dataclass
class Batch:
    """Clips to learn from."""

    x0: Tensor  # b c f h w, what the denoiser works on
    captions: list[str]  # one a clip
    kind: str = ""  # the loss is also logged under this name, as "loss_image"; "" logs it once


class ClipData(Protocol):
    """Where the clips of a diffusion task come from."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(c, f, h, w) of a clip."""

    def batch(self, position: Position, batch_size: int, rows: slice) -> Batch:
        """The given rows of the step's batch; whatever is random is drawn for the whole batch."""

    def held_out(self) -> Batch:
        """Clips that are never trained on, always the same."""

    def ready(self) -> AbstractContextManager[None]:
        """A block within which the clips are being made."""


@dataclass(frozen=True)
class Objective:
    """What is asked of the denoiser."""

    times: Times = field(default_factory=Uniform)  # how the noise level of every frame is drawn
    prediction: str = "x0"  # what the network outputs: eps, v, velocity or x0
    caption_dropout: float = 0.0  # share of captions replaced by "", for guidance
    degradation: Degradation = field(default_factory=Degradation)  # how given frames are degraded
    # how given frames are replaced by the network's own version of them
    resampling: Resampling = field(default_factory=Resampling)
    # noise levels at which the held-out loss is measured
    validation_times: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8, 0.9, 0.97)
    num_given: int = 0  # frames of held-out clips that are given


class DiffusionTask:
    """What the loop asks of a denoiser in training.

    Args:
        network: the parts "denoiser" and "text"; parameters that require a gradient are trained.
        data: where clips come from.
        objective: what is asked of the denoiser.
    """

    def __init__(self, network: nn.ModuleDict, data: ClipData, objective: Objective):
        self.network, self.data, self.objective = network, data, objective
        self.path = Linear()
        tokens = PROMPT_TOKENS if network["denoiser"].config.text_dim else 0
        self.clip_flops = count_flops(network["denoiser"], data.shape, tokens)

    @property
    def device(self) -> torch.device:
        """Where the network lies; all draws are made on the processor and carried there."""
        return next(self.network.parameters()).device

    def ready(self) -> AbstractContextManager[None]:
        """A block within which the clips are being made."""
        return self.data.ready()

    def loss(
        self, position: Position, batch_size: int, rows: slice
    ) -> tuple[Tensor, dict[str, float]]:
        """The mean loss of the given rows of the step's batch, and its named part."""
        batch = self.data.batch(position, batch_size, rows)
        x0 = batch.x0.to(self.device)  # b c f h w
        dropped = (torch.rand(batch_size) < self.objective.caption_dropout)[rows].tolist()
        captions = ["" if d else c for d, c in zip(dropped, batch.captions, strict=True)]
        conditions = self.conditions(captions)
        t = self.objective.times.draw(batch_size, x0.shape[2])[rows].to(x0)  # b f
        noise = torch.randn(batch_size, *x0.shape[1:])[rows].to(x0)  # b c f h w
        x0 = self.with_history(x0, conditions, t, batch_size, rows)
        loss = self.diffusion_loss(x0, conditions, t, noise).mean()
        return loss, {f"loss_{batch.kind}": loss.item()} if batch.kind else {}

    def conditions(self, captions: list[str]) -> Conditions:
        """What steers the denoiser, one row a caption."""
        return Conditions(text=self.network["text"](captions))

    def diffusion_loss(
        self, x0: Tensor, conditions: Conditions, t: Tensor, noise: Tensor
    ) -> Tensor:
        """The loss of every clip (b,), in velocity space; x0, noise: b c f h w, t: b f."""
        prediction = self.objective.prediction
        return diffusion.loss(
            self.network["denoiser"], x0, conditions, t, noise, self.path, prediction
        )

    def with_history(
        self, x0: Tensor, conditions: Conditions, t: Tensor, batch_size: int, rows: slice
    ) -> Tensor:
        """The clips (b c f h w) with given frames as a rollout makes them; the others stay."""
        degradation, resampling = self.objective.degradation, self.objective.resampling
        if degradation.share:
            faults = degradation.draw(batch_size, *x0.shape[1:3])
            x0 = degraded(x0, t, faults[rows])
        if resampling.share:
            t_s = resampling.draw(batch_size)[rows].to(x0)  # b 1
            noise = torch.randn(batch_size, *x0.shape[1:])[rows].to(x0)
            denoise = self.denoise(conditions)
            x0 = resample_history(denoise, x0, t, t_s, noise, self.path, resampling.num_steps)
        return x0

    def denoise(self, conditions: Conditions) -> Denoise:
        """(x, t) -> x0, by the network as it stands."""
        prediction = self.objective.prediction
        return Denoise(self.network["denoiser"], self.path, prediction, conditions)

    def validate(self) -> dict[str, float]:
        """The flow loss on clips never trained on, at fixed times and with fixed noise.

        It tracks quality where the training loss does not (Open-Sora 1.2). The loss at the highest
        noise level, where scene and motion are decided, and at the lowest are given beside it.
        """
        generator = torch.Generator().manual_seed(0)
        batch, losses = self.data.held_out(), []
        x0, conditions = batch.x0.to(self.device), self.conditions(batch.captions)
        for time in self.objective.validation_times:
            noise = torch.randn(x0.shape, generator=generator).to(x0)
            t = x0.new_full((len(x0), x0.shape[2]), time)
            t[:, : self.objective.num_given] = 0
            losses.append(self.diffusion_loss(x0, conditions, t, noise).mean().item())
        return {"loss": float(np.mean(losses)), "loss_high": losses[-1], "loss_low": losses[0]}

    def rehearse(self, batch_size: int) -> Tensor:
        """The loss of empty clips of the run's shape, to see what a step takes."""
        x0 = torch.zeros(batch_size, *self.data.shape, device=self.device)
        t = x0.new_full((batch_size, x0.shape[2]), 0.5)
        conditions = self.conditions([PROMPT] * batch_size)
        return self.diffusion_loss(x0, conditions, t, torch.zeros_like(x0)).mean()

    def show(self, folder: Path, samples: int) -> None:
        """Write no pictures; a task that knows how its clips are decoded does."""

    def save(self, folder: Path) -> None:
        """Write every part of the network as a folder of its own."""
        for name, part in self.network.items():
            part.save_pretrained(folder / name)

    def flops(self, batch_size: int) -> float:
        """Forward and backward of the denoiser on whole clips: three times the forward pass."""
        return 3.0 * batch_size * self.clip_flops


class Preview(Protocol):
    """What is looked at, and measured, at every validation."""

    def sheet(self, pipeline: VideoPipeline) -> tuple[list[np.ndarray], list[str]]:
        """Clips, uint8 (f h w 3), and a label for each."""

    def scores(self, pipeline: VideoPipeline) -> dict[str, float]:
        """Named scores beside the held-out loss."""


class SystemTask(DiffusionTask):
    """A diffusion task whose result is a system that samples: what `kinema generate` takes.

    Args:
        network, data, objective: those of `DiffusionTask`.
        codec: in whose latents the denoiser works.
        system: the defaults of the system's videos.
        preview: what is looked at at every validation.
    """

    def __init__(
        self,
        network: nn.ModuleDict,
        data: ClipData,
        objective: Objective,
        codec: Codec,
        system: System,
        preview: Preview,
    ):
        super().__init__(network, data, objective)
        self.codec, self.system, self.preview = codec, system, preview

    def pipeline(self) -> VideoPipeline:
        """The system as it stands: what is sampled here is what the command line samples."""
        parts = self.network["denoiser"], self.codec, self.network["text"]
        return VideoPipeline(*parts, self.system).to(self.device)

    def validate(self) -> dict[str, float]:
        """The held-out flow loss, and the scores of the preview."""
        return {**super().validate(), **self.preview.scores(self.pipeline())}

    def show(self, folder: Path, samples: int) -> None:
        """A sheet of samples."""
        clips, labels = self.preview.sheet(self.pipeline())
        folder.mkdir(parents=True, exist_ok=True)
        contact_sheet(clips, folder / f"{samples:09d}.png", labels=labels)

    def save(self, folder: Path) -> None:
        """Write the whole system."""
        self.pipeline().save_pretrained(folder)
