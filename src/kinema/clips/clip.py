"""A clip: frames as bytes, their rate, and what they show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Clip:
    """A short video in memory.

    Args:
        frames: uint8 `(f, h, w, 3)`, RGB, at least one frame.
        fps: frames per second, above 0.
        text: the caption or prompt; "" if there is none.
        metadata: anything JSON can hold; `write` puts it into the file, `read` takes it out.

    Raises:
        ValueError: if the frames are not a uint8 array of that shape, or the rate is not positive.
    """

    frames: np.ndarray
    fps: float
    text: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frames = self.frames
        if not isinstance(frames, np.ndarray) or frames.dtype != np.uint8:
            raise ValueError(f"a clip's frames are a uint8 array, not {kind_of(frames)}")
        if frames.ndim != 4 or frames.shape[-1] != 3 or 0 in frames.shape:
            raise ValueError(f"a clip's frames have the shape (f, h, w, 3), not {frames.shape}")
        if not 0 < self.fps < float("inf"):
            raise ValueError(f"a clip's fps is a positive number, not {self.fps}")

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.frames.shape[1], self.frames.shape[2]

    @property
    def seconds(self) -> float:
        """How long the clip plays."""
        return len(self.frames) / self.fps


def kind_of(value: object) -> str:
    return f"{value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
