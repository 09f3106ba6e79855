"""What a world is: a renderer of clips from seeds, and what comes with every clip.

A world is a module (or any object) with the attributes of `World`; `kinema.worlds.WORLDS` lists
them by name. The same seed gives the same clip, alone or in any company.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from kinema.fields import Count, Positive, Side


@dataclass(frozen=True)
class Rendering:
    """How the clips of a world are drawn and rendered."""

    num_frames: Count = 33  # frames of each clip, 1 or more
    size: Side | tuple[Side, Side] = 64  # pixels of a square frame, or (height, width)
    level: Count = 1  # difficulty, one of the world's `LEVELS`
    split: str = "train"  # one of the world's `SPLITS`
    fps: Positive | None = None  # frames a second; None takes the world's own rate
    truth: bool = False  # whether the exact truth is rendered too
    device: str = "cpu"  # where rays are cast, "cpu" or "cuda"; only the tabletop casts rays

    @property
    def height_width(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size


@dataclass
class Truth:
    """Exact truth of a clip of f frames, h x w pixels and k objects; pixel centers are integers.

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
    """A rendered clip."""

    frames: np.ndarray  # uint8 (f h w 3)
    fps: float  # frames a second
    caption: str  # what the clip shows, in words
    attributes: dict[str, Any]  # what the scene was made from, in JSON values
    truth: Truth | None = None  # exact truth, if the rendering asked for it
    # what steered the clip, by the name of the condition: "actions" (f, k), "sound" (samples,)
    controls: dict[str, np.ndarray] = field(default_factory=dict)


class World(Protocol):
    """A source of clips whose truth is known."""

    LEVELS: range  # the levels of difficulty
    SPLITS: tuple[str, ...]  # the names of the splits; "train" is the first
    FPS: float  # the world's own frame rate

    def render(self, seeds: Sequence[int], rendering: Rendering = Rendering()) -> list[WorldClip]:
        """Render one clip a seed."""
        ...
