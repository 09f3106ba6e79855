"""What `kinema check` can look with besides its own eyes: flow and encoders that the user names.

An encoder looks at up to 128 frames, evenly spread over the clip, at their native size; each value
holds until the next of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema import clips
from kinema.checks.fidelity import PictureDistance, fidelity, lpips_of
from kinema.checks.prompts import Prompts, prompt_of, read_prompts
from kinema.checks.vbench import VBench
from kinema.errors import UserError
from kinema.metrics.evidence import Score
from kinema.metrics.features.embeddings import (
    drift_interval,
    embedding_drift,
    prompt_drift,
    subject_consistency,
    text_alignment,
    text_margin,
)
from kinema.motion import FlowMethod
from kinema.motion.flow import flow_method

if TYPE_CHECKING:
    from kinema.metrics.features.encoders import Encoder

MOST_FRAMES = 128
BATCH = 16  # frames held at once
MOST_PROMPTS = 32  # of other clips, for the floor of the alignment


@dataclass(frozen=True)
class Backends:
    """Flow method and encoders."""

    flow: str = "dis"  # "dis", "farneback", "lk" or "raft"
    flow_weights: str | None = None  # a file, for "raft"
    text_encoder: str | None = None  # a CLIP by folder or hub id: does a clip show its prompt?
    prompts: str | None = None  # metadata.jsonl, or VBench's list; else the captions
    image_encoder: str | None = None  # a folder or hub id: does a clip stay the same thing?
    fidelity: bool = False  # PSNR, SSIM and Physics-IQ's scores of pairs of one shape
    lpips: tuple[str, str] | None = None  # files of trunk and heads: LPIPS beside them
    vbench: VBench | None = None  # VBench's dimensions, and what they look with

    def check(self) -> None:
        """Load what was named, so that a mistake is said before the work begins."""
        if self.prompts and not self.text_encoder:
            raise UserError("--prompts needs --text-encoder: a folder or hub id of a CLIP model.")
        _ = self.flow_method, self._prompts, self._text, self._image, self._lpips
        if self.vbench is not None:
            self.vbench.check()

    def of_frames_alone(self) -> Backends:
        """Return the same without what takes further passes over a file."""
        return replace(self, fidelity=False, lpips=None, vbench=None)

    def compare(self, file: Path, reference: Path) -> dict[str, float | None] | None:
        """Compare a file with its reference pixel by pixel; None unless asked."""
        if not self.fidelity and self.lpips is None:
            return None
        return fidelity(file, reference, self._lpips)

    @cached_property
    def flow_method(self) -> FlowMethod | None:
        """None for the default, whose working size the metrics choose."""
        method = flow_method(self.flow, self.flow_weights)
        return None if self.flow == "dis" else method

    def score(self, file: Path, num_frames: int, caption: str) -> dict[str, Score]:
        """Score a file with its caption; {} if no encoder was named."""
        if self._text is None and self._image is None:
            return {}
        stride, known = -(-num_frames // MOST_FRAMES), prompt_of(file, self._prompts)
        prompt = known.text if known else caption
        frames = islice(clips.stream(file), 0, None, stride)
        seen: list[list[np.ndarray]] = [[], []]
        while batch := list(islice(frames, BATCH)):  # 128 frames of 4K at once would be 3 GB
            for encoder, found in zip((self._text, self._image), seen, strict=True):
                found += [encoder.images(batch)] if encoder else []
        scores = self._text_scores(seen[0], prompt) if prompt else {}
        if seen[1]:
            images = np.concatenate(seen[1])
            scores["subject_consistency"] = subject_consistency(images)
            scores["embedding_drift"] = embedding_drift(images)
        return {name: score.stretched(stride, num_frames) for name, score in scores.items()}

    def _text_scores(self, seen: list[np.ndarray], prompt: str) -> dict[str, Score]:
        if self._text is None:
            return {}
        images, own = np.concatenate(seen), self._text.texts([prompt])[0]
        low, high = drift_interval(images, own)
        scores = {
            "text_alignment": text_alignment(images, own),
            "prompt_drift": prompt_drift(images, own),
            "prompt_drift_low": Score(low, np.full(len(images), np.nan)),
            "prompt_drift_high": Score(high, np.full(len(images), np.nan)),
        }
        texts = dict.fromkeys(known.text for known in self._prompts.values())
        others = [text for text in texts if text != prompt]
        if others:
            floor = self._text.texts(others[:MOST_PROMPTS])
            scores["text_margin"] = text_margin(images, own, floor)
        return scores

    @cached_property
    def _lpips(self) -> PictureDistance | None:
        return lpips_of(*self.lpips) if self.lpips is not None else None

    @cached_property
    def _prompts(self) -> Prompts:
        return read_prompts(self.prompts) if self.prompts else {}

    @cached_property
    def _text(self) -> Encoder | None:
        from kinema.metrics.features.encoders import text_encoder

        return text_encoder(self.text_encoder) if self.text_encoder else None

    @cached_property
    def _image(self) -> Encoder | None:
        from kinema.metrics.features.encoders import image_encoder

        return image_encoder(self.image_encoder) if self.image_encoder else None
