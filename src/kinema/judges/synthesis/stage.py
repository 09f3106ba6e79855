"""The empty stage of a clip: table, backdrop and camera, found by rendering what stands still.

Whatever moves is a small part of the picture, so a sum of errors that are cut off above
`FORGIVEN` has its minimum where table and backdrop agree. Tables and backdrops come from the
world's own short lists, camera moves too; their amounts are found by a search that halves its step.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from torch import Tensor

from kinema.worlds.tabletop.attributes import BACKDROPS, TABLES
from kinema.worlds.tabletop.render import empty_table
from kinema.worlds.tabletop.scene import Arrangement, Camera, Stage
from kinema.worlds.tabletop.shading import to_bytes
from kinema.worlds.tabletop.view import View

FORGIVEN = 0.12  # of the range of a channel: errors above count as much as this
LIGHT = np.array([-0.55, -0.6, 1.0]) / np.linalg.norm([-0.55, -0.6, 1.0])
PITCHES = (0.34, 0.40, 0.46)
DISTANCE = 7.55
MOVES: tuple[tuple[str, tuple[float, ...]], ...] = (
    ("still", (0.0,)),
    *((f"pans {side}", (0.27,)) for side in ("left", "right")),
    *((f"circles {side}", (0.85,)) for side in ("left", "right")),
    *((f"zooms {way}", (1.6,)) for way in ("in", "out")),
)
KINDS = ("plain", "checkered", "wooden")
# The last goes along the valley in which a camera further up and away sees nearly the same.
STEPS = ({"pitch": 0.02}, {"distance": 0.15}, {"amount": 0.06}, {"distance": 0.3, "pitch": 0.0075})
FARTHEST = {"pitch": (0.33, 0.47), "distance": (7.25, 7.85), "amount": (0.2, 1.8)}
HALVINGS = 5
PREFERENCE = 0.97  # a camera that moves must leave less than this share of what a still one leaves


def empty(arrangement: Arrangement, times: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Render table and backdrop without bodies: (f h w 3) in [0, 1]; one frame if all are alike."""
    still = arrangement.camera.move == "still"
    moments = times[:1] if still else times
    nothing = np.zeros((0, len(moments), 3)), np.zeros((0, len(moments), 3, 3))
    sky, key = empty_table(arrangement, View.posed(arrangement, nothing, moments, size))
    canvas = (sky + key).unflatten(2, size).permute(0, 2, 3, 1)
    return to_bytes(canvas.contiguous()).float() / 255.0


def misfit(arrangement: Arrangement, frames: Tensor, times: np.ndarray) -> float:
    """Compute the mean error, cut off, of an empty stage to frames (f h w 3) in [0, 1]."""
    size = (frames.shape[1], frames.shape[2])
    return float((empty(arrangement, times, size) - frames).abs().clamp_max(FORGIVEN).mean())


def best(options: Iterable[Arrangement], frames: Tensor, times: np.ndarray) -> Arrangement:
    return min(options, key=lambda one: misfit(one, frames, times))


def fit_stage(frames: Tensor, fine: Tensor, times: np.ndarray) -> Arrangement:
    """Find table, backdrop and camera of a clip at the times (f,), seconds.

    frames: (f h w 3) in [0, 1]; fine: the same with more pixels, for the last digits.
    """
    few = np.unique(np.linspace(0, len(frames) - 1, 5).round().astype(int))
    some, moments = frames[few], times[few]
    start = Arrangement([], Camera("still", 0.0, 0.4, DISTANCE), Stage("", "plain", "", LIGHT))
    start = best(surroundings(start, ("plain",)), some, moments)
    found = [
        (misfit(one, some, moments), one)
        for move, amounts in MOVES
        for one in [best(cameras(start, move, amounts), some, moments)]
    ]
    still, moving = found[0], min(found[1:], key=lambda pair: pair[0])
    chosen = moving[1] if moving[0] < PREFERENCE * still[0] else still[1]
    chosen = best(surroundings(chosen, KINDS), some, moments)
    return settle(settle(chosen, some, moments), fine[few], moments)


def surroundings(start: Arrangement, kinds: tuple[str, ...]) -> Iterator[Arrangement]:
    """The same camera before every table and backdrop."""
    for table, backdrop, kind in product(TABLES, BACKDROPS, kinds):
        stage = replace(start.stage, table=table, backdrop=backdrop, kind=kind)
        yield replace(start, stage=stage)


def cameras(start: Arrangement, move: str, amounts: tuple[float, ...]) -> Iterator[Arrangement]:
    for amount, pitch in product(amounts, PITCHES):
        yield replace(start, camera=Camera(move, amount, pitch, DISTANCE))


def settle(start: Arrangement, frames: Tensor, times: np.ndarray) -> Arrangement:
    """Walk to the nearest best camera, by steps that are halved where none helps."""
    lowest, scale = misfit(start, frames, times), 1.0
    for _ in range(HALVINGS):
        moved = True
        while moved:
            moved = False
            for step, sign in product(STEPS, (-scale, scale)):
                if "amount" in step and start.camera.move == "still":
                    continue
                tried = replace(start, camera=nudged(start.camera, step, sign))
                if (error := misfit(tried, frames, times)) < lowest:
                    start, lowest, moved = tried, error, True
        scale /= 2.0
    return start


def nudged(camera: Camera, step: dict[str, float], scale: float) -> Camera:
    """Take a step within what the world's cameras may be."""
    values: dict[str, Any] = {
        name: float(np.clip(getattr(camera, name) + scale * size, *FARTHEST[name]))
        for name, size in step.items()
    }
    return replace(camera, **values)
