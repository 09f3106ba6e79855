"""What every world returns: the frames, what they show in words, and on request the exact truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Truth:
    """Exact truth of a clip of f frames, h x w pixels and k objects; pixel centres are integers.

    flow_forward[i] maps a pixel of frame i to its place in frame i + 1, flow_backward[i] one of
    frame i + 1 to frame i, both as (dx, dy) in pixels. A world fills what it has.
    """

    flow_forward: np.ndarray | None = None  # (f-1 h w 2) float32
    flow_backward: np.ndarray | None = None  # (f-1 h w 2) float32
    depth: np.ndarray | None = None  # (f h w) float32, along the optical axis, world units
    masks: np.ndarray | None = None  # (f h w) uint8, 0 = no object, 1 + i = object i
    tracks: dict[str, np.ndarray] = field(default_factory=dict)
    cameras: dict[str, np.ndarray] = field(default_factory=dict)
    events: list[dict] = field(default_factory=list)  # {"kind", "frame", "objects", ...}


@dataclass
class WorldClip:
    """A rendered clip: frames uint8 (f h w 3), its caption, and the attributes behind both."""

    frames: np.ndarray
    fps: float
    caption: str
    attributes: dict
    truth: Truth | None = None
