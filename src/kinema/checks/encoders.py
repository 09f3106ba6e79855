"""What `kinema check` can look with besides its own eyes: flow and encoders that the user names.

An encoder looks at up to 128 frames, evenly spread over the clip, at their native size; each value
holds until the next of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema import clips
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
    prompts: str | None = None  # metadata.jsonl with `file_name` and `text`; else the captions
    image_encoder: str | None = None  # a folder or hub id: does a clip stay the same thing?

    def check(self) -> None:
        """Load what was named, so that a mistake is said before the work begins."""
        if self.prompts and not self.text_encoder:
            raise UserError("--prompts needs --text-encoder: a folder or hub id of a CLIP model.")
        _ = self.flow_method, self._prompts, self._text, self._image

    @cached_property
    def flow_method(self) -> FlowMethod | None:
        """None for the default, whose working size the metrics choose."""
        method = flow_method(self.flow, self.flow_weights)
        return None if self.flow == "dis" else method

    def score(self, file: Path, num_frames: int, caption: str) -> dict[str, Score]:
        """Score a file with its caption; {} if no encoder was named."""
        if self._text is None and self._image is None:
            return {}
        stride, prompt = -(-num_frames // MOST_FRAMES), self._prompts.get(file.name, caption)
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
        others = [text for text in dict.fromkeys(self._prompts.values()) if text != prompt]
        if others:
            floor = self._text.texts(others[:MOST_PROMPTS])
            scores["text_margin"] = text_margin(images, own, floor)
        return scores

    @cached_property
    def _prompts(self) -> dict[str, str]:
        return read_prompts(self.prompts) if self.prompts else {}

    @cached_property
    def _text(self) -> Encoder | None:
        from kinema.metrics.features.encoders import text_encoder

        return text_encoder(self.text_encoder) if self.text_encoder else None

    @cached_property
    def _image(self) -> Encoder | None:
        from kinema.metrics.features.encoders import image_encoder

        return image_encoder(self.image_encoder) if self.image_encoder else None


def read_prompts(path: str | Path) -> dict[str, str]:
    """Read prompts by file name from a metadata.jsonl.

    Raises:
        UserError: if it is missing, or a line is not {"file_name": ..., "text": ...}.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read the prompts {path}: {error}.") from error
    prompts = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            prompts[Path(entry["file_name"]).name] = str(entry["text"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f'{path}, line {number} is not {{"file_name": "a.mp4", "text": "a prompt"}}.'
            ) from error
    return prompts
