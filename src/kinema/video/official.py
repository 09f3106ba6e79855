"""A pipeline of diffusers as a system of ours: the same call, the same options, the same output.

The official pipeline prepares, our sampler walks. Every network takes our strategies, as it can:

    a time for every frame    given frames are columns of the plan that stay at 0
    a port for a picture      the first frame of each window goes through it
    neither                   given frames are shown at the noise of the others, by replacement

The record of a video says which it was.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from kinema import clips
from kinema.blocks.precision import check_precision
from kinema.diffusion import PATHS
from kinema.errors import UserError
from kinema.interop.capture import Call, Prepared
from kinema.interop.lora import add_lora
from kinema.interop.official import INDEX, Official, is_official, load_official, read_index
from kinema.interop.schedules import Schedule
from kinema.interop.steered import Steered
from kinema.sampling import SOLVERS, Branches, Denoise, DenoiseFn, noised_alike
from kinema.sampling.rollout import HISTORY, Blend, FrameNoise, Rolling, Whole
from kinema.storage.weights import fetched
from kinema.video.generation import Generation, Walk, window_of
from kinema.video.pipeline import VideoPipeline
from kinema.video.request import prompt_at
from kinema.video.system import SHIPPED, Parts, System, digest

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
FILES = (".json", ".safetensors", ".txt", ".model")  # of each part of a repository; no pickle
REMEMBERED = 32  # preparations that are kept


def load_any(
    name: str, precision: str = "fp32", dtype: str = "fp32", loras: Sequence[str] = ()
) -> VideoPipeline:
    """Load a system of ours, or a pipeline of diffusers.

    Args:
        name: a system that ships, a folder, or a repository of the hub.
        precision: in which a network computes, see `kinema.load`.
        dtype: floating-point type of the weights of a pipeline of diffusers, a key of DTYPES.
        loras: files to merge into a pipeline of diffusers, see `OfficialPipeline.merge`.

    Raises:
        UserError: if it is not there, or a file in it is missing, corrupt or foreign.
    """
    if is_official(name) or holds_official(name):
        pipe = OfficialPipeline.from_pretrained(name, precision, dtype)
        for lora in loras:
            pipe.merge(lora)
        return pipe
    if dtype != "fp32":
        raise UserError("--dtype is of pipelines of diffusers: take --precision for this model.")
    if loras:
        raise UserError("--lora is of pipelines of diffusers: this model takes none.")
    return VideoPipeline.from_pretrained(name, precision)


def holds_official(name: str) -> bool:
    """Whether a repository of the hub holds a pipeline of diffusers."""
    if Path(name).exists() or (SHIPPED / name).exists() or name.count("/") != 1:
        return False
    return is_official(fetched(name, [INDEX]))


class OfficialSystem(System):
    """The defaults of a pipeline of diffusers, in our terms; its parts are named by their class."""

    def __post_init__(self) -> None:
        self.size = (int(self.size[0]), int(self.size[1]))


class AnyWords:
    """The words that a pretrained text encoder knows: all."""

    def unknown_words(self, prompt: str) -> list[str]:
        return []


class OfficialPipeline(VideoPipeline):
    """A pipeline of diffusers; see the module's docstring."""

    def __init__(self, official: Official, name: str = "") -> None:
        torch.nn.Module.__init__(self)
        self.official, self.name = official, name
        self.denoiser, self.codec, self.text = official.experts, official.codec, AnyWords()
        self.system = system_of(official)
        self.memory: dict[Any, Prepared] = {}
        self.loras: list[str] = []

    @classmethod
    def from_pretrained(
        cls, name: str | Path, precision: str = "fp32", dtype: str = "fp32"
    ) -> Self:
        """Load a folder or a repository of the hub that holds a pipeline of diffusers.

        Raises:
            UserError: if the precision or the type is unknown, and as `load_official` does.
        """
        check_precision(precision)
        if dtype not in DTYPES:
            raise UserError(f"There is no dtype {dtype!r}: choose one of {', '.join(DTYPES)}.")
        _, parts = read_index(fetched(name, [INDEX]))
        files = [INDEX, *(f"{part}/*{suffix}" for part in parts for suffix in FILES)]
        pipe = cls(load_official(fetched(name, files), DTYPES[dtype]), str(name))
        pipe.precision = precision
        return pipe

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the pipeline as diffusers does."""
        self.official.pipe.save_pretrained(folder)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move it, the parts that only prepare included."""
        self.official.pipe.to(*args, **kwargs)
        return super().to(*args, **kwargs)

    def merge(self, lora: str) -> None:
        """Merge a LoRA file into the networks.

        Args:
            lora: FILE, FILE:SCALE, or FILE:SCALE:EXPERTS with "high" or "low" for one of two.

        Raises:
            UserError: as `interop.lora.add_lora` does.
        """
        found = re.fullmatch(r"(.+?)(?::(-?[\d.]+))?(?::(high|low|both))?", lora)
        assert found is not None, "any text that is not empty fits"
        add_lora(self.official, found[1], float(found[2] or 1), found[3] or "both")
        self.memory.clear()  # the text encoder may be another
        self.loras.append(lora)

    @property
    def multiple(self) -> tuple[int, int]:
        patch = self.official.experts.family.patch
        height, width = super().multiple
        return height * patch, width * patch

    def fingerprint(self) -> str:
        """Return a short name for the weights, from the first numbers of every tensor."""
        return digest(tensor.flatten()[:256] for tensor in self.state_dict().values())

    @property
    def has_picture_port(self) -> bool:
        """Whether a picture goes into the network by a way of its own."""
        takes_picture = self.official.named("image") in self.official.parameters
        return takes_picture and not self.official.experts.has_frame_times


def system_of(official: Official) -> OfficialSystem:
    """Return the defaults of a pipeline, from its call and from what its network is made for."""
    config, pipe = official.experts.networks[0].config, official.pipe
    r, p, q = official.codec.factors
    side = config.get("sample_height") or config.get("sample_size") or 1
    height = official.default("height") or getattr(pipe, "default_height", side * p)
    width = official.default("width") or getattr(
        pipe, "default_width", (config.get("sample_width") or side) * q
    )
    frames = official.default("num_frames") or config.get("sample_frames")
    frames = frames or config.get("num_frames") or 16
    window = (frames - 1) // r + 1
    return OfficialSystem(
        denoiser=type(official.experts.networks[0]).__name__,
        codec=type(pipe.vae).__name__,
        text="none" if "prompt" not in official.parameters else "pretrained",
        num_frames=frames,
        size=(height, width),
        fps=float(official.default("fps") or official.experts.family.fps),
        num_steps=int(official.default("num_steps") or 50),
        guidance_scale=float(official.default("guidance_scale") or 1.0),
        overlap=r * max((window - 1) // 4, 0) + 1,
        max_size=8192,
    )


def check_length(official: Official, num_latents: int) -> None:
    """Refuse a window that the tables of a network have no place for.

    Raises:
        UserError: if it is not the one length of Latte, or too long for AnimateDiff.
    """
    config, kind = official.experts.networks[0].config, type(official.pipe).__name__
    only, most = config.get("video_length"), config.get("motion_max_seq_length")
    if only is not None and num_latents != only:
        raise UserError(f"A {kind} makes {only} frames at a time, not {num_latents}.")
    if most is not None and num_latents > most:
        raise UserError(
            f"A {kind} makes at most {most} frames at a time, not {num_latents}: take a strategy "
            "of windows, such as --long sliding."
        )


@dataclass
class OfficialGeneration(Generation):
    """Videos of a pipeline of diffusers that are made together."""

    pipe: Parts  # an OfficialPipeline

    def __post_init__(self) -> None:
        if self.pipe.has_picture_port and not self.num_kept:
            self.given = None  # the network makes the first frame itself, after the picture

    # ---- what the official pipeline prepares ----------------------------------------------------

    def prepared(self, video: int, prompt: str, num_latents: int, picture: Any) -> Prepared:
        """Return what the pipeline makes of one video, or of a window of it.

        Args:
            video: which of the videos.
            prompt: what it shows.
            num_latents: how long it is.
            picture: with which it begins, uint8 (h w 3), or None.
        """
        official, (height, width) = self.pipe.official, self.size
        if picture is None and official.needs_picture:
            raise UserError(
                f"A {type(official.pipe).__name__} makes videos from a picture: name it with "
                "--image, or `image`."
            )
        check_length(official, num_latents)
        options: dict[str, Any] = {
            "height": height,
            "width": width,
            "num_frames": self.pipe.codec.factors[0] * (num_latents - 1) + 1,
            "num_steps": self.num_steps,
            "guidance_scale": self.guidance_scale,
            "fps": round(self.fps),
            "prompt": prompt,
            "negative_prompt": self.negative_prompts[video],
        }
        known = official.parameters
        options = {name: v for name, v in options.items() if official.named(name) in known}
        shown = None if picture is None else picture.tobytes()
        key, memory = (*options.values(), self.seeds[video], shown), self.pipe.memory
        if key not in memory:
            if len(memory) >= REMEMBERED:
                del memory[next(iter(memory))]
            if picture is not None and "image" in known:
                options["image"] = Image.fromarray(picture)
            generator = torch.Generator().manual_seed(self.seeds[video] % 2**63)
            memory[key] = official.prepare(**options, generator=generator)
        return memory[key]

    def first(self) -> Prepared:
        """Return what the pipeline makes of the first window."""
        self.check_strategy()
        window, whole = window_of(self.pipe)[0], self.latent_shape[1]
        num_latents = whole if isinstance(self.strategy, Whole) else min(window, whole)
        picture = None if self.opening is None else self.opening[0]
        return self.prepared(0, prompt_at(self.stories[0], 0), num_latents, picture)

    def check_strategy(self) -> None:
        """Refuse a strategy that needs what the network does not have.

        Raises:
            UserError: for a rolling window, if there is one time for all frames, and for blended
                windows, which begin with no frame that could go through a port for a picture.
        """
        kind = type(self.pipe.official.pipe).__name__
        if isinstance(self.strategy, Rolling) and not self.pipe.official.experts.has_frame_times:
            raise UserError(
                f"The network of a {kind} knows one time for all frames, and a rolling window "
                "needs one for each: take another strategy, such as sliding."
            )
        if isinstance(self.strategy, Blend) and self.pipe.has_picture_port:
            raise UserError(
                f"The network of a {kind} begins every window with a picture, and windows that "
                "are blended have none: take another strategy, such as sliding."
            )

    # ---- how our sampler walks ------------------------------------------------------------------

    def walk(self) -> Walk:
        schedule = self.first().schedule
        times, path = self.strength * schedule.times, PATHS[schedule.path]
        return Walk(times, SOLVERS[schedule.solver], path, schedule.scale)

    def denoise(self, frame: int, noise: FrameNoise) -> DenoiseFn:
        """Fold the networks and what the pipeline prepared for them into one function."""
        prompts = [prompt_at(story, frame) for story in self.stories]
        schedule, hidden = self.first().schedule, noise.other(HISTORY).other(HISTORY)

        def noise_of(x: Tensor) -> Tensor:
            return hidden(0, x.shape[2])

        def denoise(x: Tensor, t: Tensor) -> Tensor:
            pictures = [self.picture(x[i : i + 1], t[i]) for i in range(len(x))]
            prepared = [
                self.prepared(video, prompt, x.shape[2], picture)
                for video, (prompt, picture) in enumerate(zip(prompts, pictures, strict=True))
            ]
            guided = self.guided(prepared, schedule, x.shape[2], noise_of)
            if not self.pipe.official.experts.has_frame_times:
                guided = noised_alike(guided, PATHS[schedule.path], noise_of)
            return guided(x, t)

        return denoise

    def guided(
        self, prepared: list[Prepared], schedule: Schedule, num_latents: int, noise_of: Any
    ) -> DenoiseFn:
        """Return the denoiser of these videos, with guidance if the pipeline has it."""
        path, experts = PATHS[schedule.path], self.pipe.official.experts

        def steered(calls: list[Call]) -> Denoise:
            return Denoise(Steered(experts, calls, schedule), path, schedule.prediction)

        cond = steered([each.cond for each in prepared])
        without = [each.uncond for each in prepared if each.uncond is not None]
        if not without:  # none, or an input of the network
            return cond
        scale: Any = experts.family.contrast(self.guidance_scale, num_latents)
        return self.guidance(Branches(cond, steered(without), path, noise_of), scale)

    def picture(self, x: Tensor, t: Tensor) -> np.ndarray | None:
        """Return the picture with which a window begins, uint8 (h w 3), or None.

        Args:
            x: the window as it is, 1 c f h w.
            t: its times, (f,).
        """
        if self.pipe.has_picture_port and t[0] == 0:  # what the window before has made
            frames = self.pipe.codec.decode(x[:, :, :1], 1, self.size).clamp(-1, 1)
            return clips.to_frames(frames)[0, 0]
        return None if self.opening is None else self.opening[0]

    # ---- the record -----------------------------------------------------------------------------

    def calls(self) -> int:
        return super().calls() * (1 if self.first().uncond is None else 2)

    def record(self) -> dict[str, Any]:
        """Return what `Generation.record` does, how given frames went in, and the schedule."""
        official, schedule = self.pipe.official, self.first().schedule
        by = "plan" if official.experts.has_frame_times else "replacement"
        return super().record() | {
            "pipeline": type(official.pipe).__name__,
            "scheduler": type(official.pipe.scheduler).__name__,
            "solver": schedule.solver,
            "loras": self.pipe.loras,
            "given_by": f"picture, {by}" if self.pipe.has_picture_port else by,
        }


OfficialPipeline.generation = OfficialGeneration
