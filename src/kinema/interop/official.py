"""A whole pipeline of diffusers behind our contracts: its networks, its codec, its preparations.

Reading one is strict. The library goes on with random weights where a tensor is missing, and reads
pickles; here every network is loaded with its report of what did not fit, which is then an error.
"""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kinema.errors import UserError
from kinema.interop.capture import Prepared, prepare
from kinema.interop.diffusers_codec import PretrainedCodec
from kinema.interop.diffusers_codec_kinds import KINDS
from kinema.interop.families import family_of
from kinema.interop.steered import Experts
from kinema.interop.strict_loading import load_network, quiet, readable
from kinema.storage.atomic import read_object

INDEX = "model_index.json"
NETWORKS = ("transformer", "transformer_2", "unet")  # what pipelines call what denoises
LIBRARIES = ("diffusers", "transformers")
# Our words for what pipelines call by several names, the first that a pipeline knows.
ARGUMENTS = {
    "num_frames": ("num_frames", "video_length"),
    "num_steps": ("num_inference_steps",),
    "guidance_scale": ("guidance_scale", "max_guidance_scale"),
    "fps": ("fps", "frame_rate"),
}


@dataclass
class Official:
    """A pipeline of diffusers, ready to prepare videos."""

    pipe: Any
    experts: Experts
    codec: PretrainedCodec

    @classmethod
    def of(cls, pipe: Any) -> Official:
        """Take a pipeline that is loaded.

        Raises:
            UserError: if there is no row for its networks or for its autoencoder.
        """
        experts, codec = experts_of(pipe), type(getattr(pipe, "vae", None)).__name__
        if codec not in KINDS:
            raise UserError(
                f"The autoencoder of this {type(pipe).__name__} is a {codec}, and there is no row "
                "for it in kinema.interop.diffusers_codec_kinds."
            )
        pipe.set_progress_bar_config(disable=True)
        return cls(pipe, experts, PretrainedCodec(pipe.vae))

    @property
    def parameters(self) -> dict[str, Any]:
        """What the pipeline is called with, by name, with the default of each."""
        return {
            name: parameter.default
            for name, parameter in inspect.signature(self.pipe.__call__).parameters.items()
        }

    def named(self, name: str) -> str | None:
        """Return what this pipeline calls an argument of ours; None if it has none."""
        known = self.parameters
        return next((theirs for theirs in ARGUMENTS.get(name, (name,)) if theirs in known), None)

    def default(self, name: str) -> Any:
        """Return the pipeline's own default of an argument of ours; None if it has none."""
        theirs = self.named(name)
        value = None if theirs is None else self.parameters[theirs]
        return None if value is inspect.Parameter.empty else value

    @property
    def needs_picture(self) -> bool:
        """Whether the pipeline makes nothing without a picture."""
        is_required = self.parameters.get("image") is inspect.Parameter.empty
        return is_required or "ImageToVideo" in type(self.pipe).__name__

    def prepare(self, **options: Any) -> Prepared:
        """Let the pipeline prepare one video; the options are ours or its own.

        Raises:
            UserError: as `capture.prepare` does.
        """
        theirs = {self.named(name) or name: value for name, value in options.items()}
        networks, family = list(self.experts.networks), self.experts.family
        with torch.no_grad(), quiet(importlib.import_module("diffusers").utils.logging):
            return prepare(self.pipe, networks, family, theirs)


def experts_of(pipe: Any) -> Experts:
    """Return the networks that denoise in a pipeline.

    Raises:
        UserError: if there is none, or no row for its class.
    """
    found = [getattr(pipe, name, None) for name in NETWORKS]
    networks = [network for network in found if network is not None]
    if not networks:
        raise UserError(
            f"A {type(pipe).__name__} has no network called {' or '.join(NETWORKS)}: it makes no "
            "video that kinema could take over."
        )
    family = family_of(type(networks[0]).__name__)
    steps = float(pipe.scheduler.config.num_train_timesteps)
    boundary = steps * (pipe.config.get("boundary_ratio") or -1)
    return Experts(networks, family, family.has_frame_times(pipe), boundary)


# ---- reading -------------------------------------------------------------------------------------


def is_official(folder: str | Path) -> bool:
    """Whether a folder holds a pipeline of diffusers."""
    return (Path(folder) / INDEX).is_file()


def read_index(folder: Path) -> tuple[str, dict[str, tuple[str, str]]]:
    """Return the class of a pipeline, and library and class of each of its parts.

    Raises:
        UserError: if a part is a program of its own, which is never run.
    """
    index = read_object(folder / INDEX)
    name = index.get("_class_name")
    if not isinstance(name, str):
        raise UserError(f"{folder / INDEX} names no class of diffusers, but {name!r}.")
    parts = {
        part: (value[0], value[1])
        for part, value in index.items()
        if isinstance(value, list) and len(value) == 2 and value[0] is not None
    }
    for part, (library, kind) in parts.items():
        if library not in LIBRARIES:
            raise UserError(
                f"{folder / INDEX}: {part} is a {kind} of {library!r}, code that comes with the "
                f"model: kinema runs classes of {' and '.join(LIBRARIES)} only."
            )
    return name, parts


def call_defaults(name: str) -> dict[str, Any]:
    """Return the sizes and numbers with which a pipeline of diffusers is called by default.

    Raises:
        UserError: if diffusers is not installed, or has no pipeline of that name.
    """
    pipeline = getattr(installed("diffusers"), name, None)
    if pipeline is None:
        raise UserError(f"Diffusers here has no pipeline {name!r}.")
    told = {"num_frames", "video_length", "height", "width", "num_inference_steps"} | {
        "guidance_scale", "max_guidance_scale", "fps", "frame_rate",
    }  # fmt: skip
    parameters = inspect.signature(pipeline.__call__).parameters
    return {option: p.default for option, p in parameters.items() if option in told}


def load_official(folder: str | Path, dtype: torch.dtype = torch.float32) -> Official:
    """Load a pipeline that diffusers has saved.

    Args:
        folder: holds model_index.json and a folder for each part.
        dtype: floating-point type of the weights.

    Raises:
        UserError: if a library is not installed, a class unknown, or a tensor missing, left over,
            of another shape, or not finite.
    """
    folder = Path(folder)
    name, parts = read_index(folder)
    libraries = {library: installed(library) for library in LIBRARIES}
    loaded: dict[str, nn.Module] = {}
    for part, (library, kind) in parts.items():
        found = getattr(libraries[library], kind, None)
        if found is None:
            raise UserError(f"{folder / INDEX}: {library} here has no class {kind!r} for {part}.")
        if inspect.isclass(found) and issubclass(found, nn.Module):
            loaded[part] = load_network(found, folder / part, library, dtype)
    pipeline = getattr(libraries["diffusers"], name, None)
    if pipeline is None:
        raise UserError(f"{folder / INDEX}: diffusers here has no pipeline {name!r}.")
    loggings = [library.utils.logging for library in libraries.values()]
    with readable(folder, name), quiet(loggings[0]), quiet(loggings[1]):
        pipe = pipeline.from_pretrained(folder, **loaded, dtype=dtype, local_files_only=True)
    return Official.of(pipe)


def installed(library: str) -> Any:
    """Import a library, and what it needs to load every class.

    Raises:
        UserError: if one is not installed.
    """
    try:
        importlib.import_module("accelerate")  # without it diffusers refuses Wan and SkyReels
        importlib.import_module("ftfy")  # without it some prompts are encoded as others
        return importlib.import_module(library)
    except ImportError as error:
        raise UserError(
            f"Pipelines of diffusers need {error.name}: pip install 'kinema[pretrained]'."
        ) from error
