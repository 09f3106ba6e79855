"""Modules by the names they had before the rooms of today: they work for one version more.

`install` puts a finder behind Python's own, so that `import kinema.probes.check` finds the module
under its new name and warns with it.
"""

import importlib
import importlib.machinery
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

MODULES = {
    "kinema.probes.check": "kinema.checks.check",
    "kinema.probes.distance": "kinema.checks.distance",
    "kinema.probes.gates": "kinema.checks.gates",
    "kinema.probes.blind": "kinema.checks.blind",
    "kinema.probes.judge": "kinema.judges.tabletop",
    "kinema.probes.plan": "kinema.budget",
    "kinema.probes.prompts.scoring": "kinema.judges.tabletop.scoring",
    "kinema.worlds.disc_reading": "kinema.judges.discs",
    "kinema.worlds.disc_drawing": "kinema.worlds.discs.drawing",
    "kinema.worlds.world_clip": "kinema.worlds.world",
    "kinema.clips.tensors": "kinema.motion.tensors",
    "kinema.motion.fetching": "kinema.motion.warp",
    "kinema.weights": "kinema.storage.weights",
    "kinema.blocks.pretrained": "kinema.storage.weights",
    "kinema.blocks.stream": "kinema.blocks.cache",
    "kinema.codecs.pretrained": "kinema.interop.diffusers_codec",
    "kinema.codecs.loading": "kinema.interop.codec_loading",
    "kinema.conditions.pretrained_text": "kinema.interop.text_encoders",
    "kinema.denoisers.inflated": "kinema.interop.inflated",
    "kinema.denoisers.motion_files": "kinema.interop.motion_adapters",
    "kinema.metrics.warping": "kinema.metrics.temporal.warping",
    "kinema.metrics.fidelity": "kinema.metrics.features.fidelity",
    "kinema.metrics.distances": "kinema.metrics.features.distances",
    "kinema.sampling.plan": "kinema.sampling.plans",
    "kinema.sampling.rollout.walk": "kinema.sampling.rollout.setup",
    "kinema.video.journal": "kinema.video.checkpoint",
    "kinema.video.story": "kinema.video.request",
    "kinema.recipes.codec_run": "kinema.training.tasks.codec",
    "kinema.recipes.text_to_video": "kinema.training.tasks.text_to_video",
    "kinema.training.team": "kinema.training.processes",
    "kinema.training.journal": "kinema.training.metrics_log",
    "kinema.blocks.activation": "kinema.blocks.transformer",
    "kinema.blocks.modulation": "kinema.blocks.transformer",
    "kinema.blocks.normalization": "kinema.blocks.transformer",
    "kinema.blocks.embedding": "kinema.blocks.transformer",
    "kinema.blocks.token_shift": "kinema.blocks.transformer",
    "kinema.blocks.rotary": "kinema.blocks.transformer",
    "kinema.blocks.folding": "kinema.blocks.convolution",
    "kinema.blocks.temporal_attention": "kinema.blocks.mixers",
    "kinema.blocks.temporal_convolution": "kinema.blocks.mixers",
    "kinema.blocks.recurrence": "kinema.blocks.mixers",
    "kinema.conditions.condition_set": "kinema.conditions.doors",
    "kinema.conditions.no_text": "kinema.conditions.small_text",
    "kinema.codecs.linear": "kinema.codecs.stages",
    "kinema.codecs.cosine": "kinema.codecs.stages",
    "kinema.codecs.layouts": "kinema.codecs.causal_vae",
    "kinema.diffusion.prediction": "kinema.diffusion.path",
    "kinema.sampling.rollout.noise": "kinema.diffusion.path",
    "kinema.sampling.solvers": "kinema.sampling.sample",
    "kinema.sampling.rollout.cached": "kinema.sampling.rollout.autoregressive",
    "kinema.storage.processes": "kinema.storage.atomic",
    "kinema.storage.specs": "kinema.fields",
    "kinema.storage.shipped": "kinema.storage.atomic",
    "kinema.storage.checksums": "kinema.storage.weights",
    "kinema.clips.note": "kinema.clips.clip",
    "kinema.denoisers.cost": "kinema.denoisers.sizes",
    "kinema.video.opening": "kinema.video.settling",
    "kinema.video.strategies": "kinema.video.generation",
    "kinema.video.output": "kinema.video.pipeline",
    "kinema.video.progress": "kinema.video.pipeline",
    "kinema.sampling.denoise": "kinema.sampling.sample",
    "kinema.sampling.guidance_specs": "kinema.sampling.guidance",
    "kinema.storage.pretrained": "kinema.storage.weights",
    "kinema.storage.configuration": "kinema.storage.atomic",
    "kinema.clips.writing": "kinema.clips.clip",
    "kinema.training.machine": "kinema.training.meter",
    "kinema.training.histories.zoom": "kinema.training.histories.degradation",
    "kinema.codecs.posterior": "kinema.codecs.codec",
    "kinema.codecs.equivariance": "kinema.codecs.objective",
    "kinema.codecs.perceptual": "kinema.codecs.objective",
}


class Finder:
    """Find a module by its old name, load the one of today, and warn."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        loader: Any = self  # not an importlib.abc.Loader: that import costs 15 ms at every start
        return importlib.machinery.ModuleSpec(name, loader) if name in MODULES else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        new = MODULES[spec.name]
        message = f"{spec.name} is {new} now; the old name goes with the next version."
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return importlib.import_module(new)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module has run under its own name."""


def install() -> None:
    """Let old names be imported; a second call changes nothing."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.append(Finder())


def moved(module: str, names: dict[str, str], name: str) -> object:
    """Return what a room's face exported before; the body of its `__getattr__`.

    Args:
        module: whose face it was.
        names: the module of today by each name that was moved.
        name: that is asked for.

    Raises:
        AttributeError: if it never was there.
    """
    if name not in names:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    message = (
        f"{module}.{name} is {names[name]}.{name} now; the old name goes with the next version."
    )
    warnings.warn(message, DeprecationWarning, stacklevel=3)
    return getattr(importlib.import_module(names[name]), name)
