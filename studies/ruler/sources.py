"""Where the clips come from: worlds, and stretches of files without a cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from kinema import clips
from kinema.errors import UserError
from kinema.metrics.temporal.cuts import find_cuts
from kinema.worlds import Rendering, tabletop

NUM_FRAMES = 20
SIZE = 128  # shorter side, pixels
LEVEL = 4  # of the tabletop worlds: two bodies, textures, moving cameras


@dataclass(frozen=True)
class Source:
    """Where a clip comes from: a world's seed, or a file and the frame to begin at."""

    name: str
    seed: int = 0
    path: Path | None = None
    start: int = 0

    def load(self) -> np.ndarray:
        """Return the frames (f h w 3) uint8."""
        if self.path is not None:
            stop = self.start + NUM_FRAMES
            return np.stack(list(islice(small_frames(self.path), self.start, stop)))
        world = tabletop.render(
            [self.seed], Rendering(num_frames=NUM_FRAMES, size=SIZE, level=LEVEL)
        )[0]
        return world.frames


def excerpts_of(path: Path, count: int, later: int = 0) -> list[Source]:
    """Return up to `count` stretches of a file, evenly spread, without overlap and without a cut.

    The first of each shot begins `later` frames into it, or as late as it can.
    """
    frames = np.stack(list(small_frames(path)))
    edges = [0, *find_cuts(frames), len(frames)]
    length = min(NUM_FRAMES, len(frames))
    places = [
        start
        for begin, end in zip(edges[:-1], edges[1:], strict=True)
        for start in range(
            begin + min(later, max(0, end - begin - length)), end - length + 1, length
        )
    ]
    if not places:
        raise UserError(f"{path} has no {length} frames without a cut: name a calmer file.")
    chosen = np.unique(np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(int))
    return [Source(f"{path.name} from {places[i]}", path=path, start=places[i]) for i in chosen]


def small_frames(path: Path) -> Iterator[np.ndarray]:
    info = clips.inspect(path)
    scale = min(1.0, SIZE / min(info.height, info.width))
    return clips.stream(path, size=(round(info.height * scale), round(info.width * scale)))
