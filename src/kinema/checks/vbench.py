"""`kinema check --vbench`: VBench's sixteen dimensions of each clip, and the total of the set.

What no weights were given for is None. A dimension that is measured with another network than
VBench's is a substitute: it is shown, and does not count for the total. The results of VBench's own
tools can be named for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from kinema import clips
from kinema.checks.clip_report import ClipReport, plain
from kinema.checks.prompts import Prompt, Prompts, prompt_of, read_prompts
from kinema.errors import UserError, brief
from kinema.fields import check_values
from kinema.metrics.temporal import vbench
from kinema.metrics.vbench_total import DIMENSIONS, vbench_total
from kinema.motion import FlowMethod
from kinema.storage.atomic import read_object, require_file

if TYPE_CHECKING:
    from kinema.metrics.features.encoders import Encoder
    from kinema.metrics.features.vbench import AestheticHead

BY_FRAMES = {"subject_consistency": 1, "background_consistency": 1, "appearance_style": 0}
"""What VBench averages over the frames of all clips, and the frames of each that do not count."""

RAFT_UPDATES = 20  # of VBench

Scores = dict[str, float | None]


@dataclass(frozen=True)
class VBench:
    """What to look with: files, and folders or ids of the hub."""

    prompts: str | None = None  # VBench_full_info.json: which clip counts for which dimension
    results: str | None = None  # *_eval_results.json of VBench's own tools, for the rest
    subject: str | None = None  # DINO ViT-B/16, facebook/dino-vitb16
    background: str | None = None  # CLIP ViT-B/32, openai/clip-vit-base-patch32
    aesthetic: str | None = None  # CLIP ViT-L/14, openai/clip-vit-large-patch14
    aesthetic_head: str | None = None  # sa_0_4_vit_l_14_linear.pth
    flow_weights: str | None = None  # raft-things.pth

    def check(self) -> None:
        """Load what was named, so that a mistake is said before the work begins."""
        if (self.aesthetic is None) != (self.aesthetic_head is None):
            raise UserError("VBench's aesthetic quality needs both aesthetic and aesthetic_head.")
        _ = self._prompts, self._flow, self._subject, self._background, self._aesthetic, self._head
        _ = self.theirs

    @property
    def substitutes(self) -> set[str]:
        """The dimensions that are measured with another network than VBench's."""
        return {"motion_smoothness"} | (set() if self.flow_weights else {"dynamic_degree"})

    def score(self, file: Path, fps: float) -> Scores:
        """Score a file on the dimensions for which its prompt counts, on all without a list."""
        prompt: Prompt | None = Prompt("", frozenset(DIMENSIONS))
        if self.prompts is not None:
            prompt = prompt_of(file, self._prompts)
        asked = prompt.dimensions if prompt is not None else frozenset()
        found: Scores = dict.fromkeys(DIMENSIONS)
        for name, measure in self._plain(fps).items():
            if name in asked:
                found[name] = measure(clips.stream(file))
        for encoder, measures in self._seeing(prompt.style if prompt is not None else ""):
            if wanted := measures.keys() & asked:
                from kinema.metrics.features.vbench import vectors

                images = vectors(encoder, clips.stream(file))
                found |= {name: measures[name](images) for name in wanted}
        return {name: value if known(value) else None for name, value in found.items()}

    def _plain(self, fps: float) -> dict[str, Callable[[Iterator[np.ndarray]], float]]:
        """Return what takes frames, by dimension."""
        return {
            "temporal_flickering": vbench.temporal_flickering,
            "motion_smoothness": vbench.motion_smoothness,
            "dynamic_degree": lambda frames: vbench.dynamic_degree(frames, fps, self._flow),
        }

    def _seeing(
        self, style: str
    ) -> Iterator[tuple[Encoder, dict[str, Callable[[np.ndarray], float]]]]:
        """Yield each encoder, and what takes its vectors, by dimension."""
        from kinema.metrics.features.vbench import appearance_style, consistency

        if self._subject is not None:
            yield self._subject, {"subject_consistency": consistency}
        if (clip := self._background) is not None:
            styles: dict[str, Callable[[np.ndarray], float]] = {}
            if style:
                words = clip.texts([style])[0]
                styles["appearance_style"] = lambda images: appearance_style(images, words)
            yield clip, {"background_consistency": consistency, **styles}
        if self._aesthetic is not None and self._head is not None:
            yield self._aesthetic, {"aesthetic_quality": self._head}

    @cached_property
    def _prompts(self) -> Prompts:
        return read_prompts(self.prompts) if self.prompts else {}

    @cached_property
    def theirs(self) -> dict[str, float]:
        """The values of a set by dimension, from VBench's own tools."""
        return read_results(self.results) if self.results else {}

    @cached_property
    def _flow(self) -> FlowMethod | None:
        if self.flow_weights is None:
            return None
        from kinema.motion.raft import RAFT, RAFTFlow

        RAFT.from_file(self.flow_weights)  # a wrong file is said now
        return RAFTFlow(self.flow_weights, num_updates=RAFT_UPDATES)

    @cached_property
    def _subject(self) -> Encoder | None:
        from kinema.metrics.features.encoders import image_encoder

        return image_encoder(self.subject) if self.subject else None

    @cached_property
    def _background(self) -> Encoder | None:
        from kinema.metrics.features.encoders import text_encoder

        return text_encoder(self.background) if self.background else None

    @cached_property
    def _aesthetic(self) -> Encoder | None:
        from kinema.metrics.features.encoders import image_encoder

        return image_encoder(self.aesthetic) if self.aesthetic else None

    @cached_property
    def _head(self) -> AestheticHead | None:
        from kinema.metrics.features.vbench import AestheticHead

        return AestheticHead(self.aesthetic_head) if self.aesthetic_head else None


def known(value: float | None) -> bool:
    """Tell whether a value could be measured: neither None nor NaN."""
    return value is not None and not np.isnan(value)


def read_vbench(path: str | None) -> VBench:
    """Read the YAML file of `--vbench`; nothing is named without one.

    Raises:
        UserError: if it is not YAML, or names something that does not exist.
    """
    if not path:
        return VBench()
    try:
        content = yaml.safe_load(require_file(path, "VBench file").read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"The VBench file {path} is not YAML: {brief(error)}.") from error
    if not isinstance(content, dict):
        raise UserError(f"The VBench file {path} names nothing to look with: see docs/check.md.")
    check_values(content, VBench, f"The VBench file {path}")
    return VBench(**content)


def read_results(path: str | Path) -> dict[str, float]:
    """Read the means by dimension from a file that VBench's `evaluate` wrote.

    Raises:
        UserError: if it holds something else.
    """
    content = read_object(path, "file of VBench's results")
    found = {}
    for name, value in content.items():
        key, mean = name.replace(" ", "_"), value[0] if isinstance(value, list) and value else None
        if key not in DIMENSIONS or isinstance(mean, bool) or not isinstance(mean, int | float):
            raise UserError(
                f"{path} is not a file of VBench's results: its entry {name!r} is none."
            )
        found[key] = float(mean)
    return found


def vbench_of_set(clips_: list[ClipReport], looking: VBench) -> dict[str, Any]:
    """Sum up a set: each dimension's mean, how many clips it is of and whose it is, and the total.

    The `source` is "kinema", "substitute" (another network than VBench's), "results" or "none".
    """
    dimensions: dict[str, dict[str, Any]] = {}
    for name in DIMENSIONS:
        clips_of_it = [clip for clip in clips_ if clip.vbench.get(name) is not None]
        value, source = mean_of(name, clips_of_it), "kinema"
        if value is None:
            source = "none"
        elif name in looking.substitutes:
            source = "substitute"
        if source != "kinema" and name in looking.theirs:
            value, source, clips_of_it = looking.theirs[name], "results", []
        dimensions[name] = {"value": plain(value, 6), "source": source, "n": len(clips_of_it)}
    counted = {
        name: one["value"]
        for name, one in dimensions.items()
        if one["source"] in ("kinema", "results")
    }
    return {"dimensions": dimensions, **asdict(vbench_total(counted))}


def mean_of(name: str, clips_: list[ClipReport]) -> float | None:
    """Average a dimension over the clips that have it, or over their frames, as VBench does."""
    if not clips_:
        return None
    values = [float(clip.vbench[name] or 0) for clip in clips_]
    lost = BY_FRAMES.get(name)
    weights = [1 if lost is None else max(clip.num_frames - lost, 0) for clip in clips_]
    return float(np.average(values, weights=weights)) if sum(weights) else None
