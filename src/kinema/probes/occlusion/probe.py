"""Make videos that begin before a thing is hidden, and see whether it comes out again as itself.

Scenes are found in which something is hidden for about the wanted number of frames. A video begins
with the true frames until it is, and goes on. The same question about the true frames is the
ceiling, about the last given frame, held, the floor. A strategy whose horizon is shorter than the
occlusion has nothing left that shows the object, save the prompt, where it takes one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from rich.progress import track

from kinema import clips
from kinema.metrics import wilson_interval
from kinema.probes.drift import Contenders, Maker
from kinema.probes.drift.probe import TRUE
from kinema.video import System, strategy_named

HELD = "last given frame held"


@dataclass(frozen=True)
class Outcome:
    """What a video shows after the occlusion.

    Attributes:
        survived: whether the object comes out as itself.
        late: frames from its true to its made reappearance, negative if that is early; None where
            it never comes or the world does not tell.
        off: world units between its true and its made place; None where it did not survive or the
            world does not tell.
    """

    survived: bool
    late: int | None = None
    off: float | None = None


@dataclass(frozen=True)
class Hidden:
    """A scene in which an object is hidden.

    Attributes:
        label: tells its videos from those of other scenes.
        seed: of the scene and of its videos.
        caption: its prompt.
        start: the first frame in which the object is hidden, the first that is made.
        stop: the first frame in which it is seen again.
        frames: uint8 (f h w 3), the true clip until some frames after `stop`.
        read: the frames of a video from `start` on, uint8 (f h w 3) -> what they show.
    """

    label: str
    seed: int
    caption: str
    start: int
    stop: int
    frames: np.ndarray
    read: Callable[[np.ndarray], Outcome]

    @property
    def true(self) -> np.ndarray:
        """The true frames from `start` on."""
        return self.frames[self.start :]

    @property
    def held(self) -> np.ndarray:
        """The last given frame in the place of all that follow."""
        return self.frames[self.start - 1 : self.start].repeat(len(self.true), axis=0)


class World(Protocol):
    """A world in which things are hidden.

    Attributes:
        model: the system that is measured unless others are named.
        note: what a reader of the report should know of its scenes and figures.
    """

    model: str
    note: str

    def __init__(self) -> None: ...

    def scenes(self, length: int, count: int, system: System) -> list[Hidden]:
        """Scenes with an occlusion of about `length` frames, at most `count` of them."""
        ...


@dataclass
class Survival:
    """How often the object came out as itself.

    Attributes:
        outcomes: one a video.
        horizon: frames back that the strategy sees at least; None where nothing was made.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    horizon: int | None = None

    @property
    def right(self) -> int:
        """Videos in which it did."""
        return sum(outcome.survived for outcome in self.outcomes)

    @property
    def total(self) -> int:
        """Videos."""
        return len(self.outcomes)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's, 95 %, of the share that did."""
        return wilson_interval(self.right, self.total)

    @property
    def late(self) -> list[int]:
        """Of the videos in which it reappears."""
        return [one.late for one in self.outcomes if one.late is not None]

    @property
    def off(self) -> list[float]:
        """Of the videos in which it survived."""
        return [one.off for one in self.outcomes if one.off is not None]


Found = dict[str, dict[int, Survival]]  # column -> length of the occlusion -> survival


def measure_survival(
    contenders: Contenders, world: World, lengths: Sequence[int], num_clips: int
) -> Found:
    """Make and read all videos; lengths without a scene are left out.

    Returns:
        the true continuation, the last given frame held, and every model and strategy.
    """
    columns = contenders.makers()
    system = next(iter(columns.values())).pipe.system
    found: Found = {TRUE: {}, HELD: {}, **{column: {} for column in columns}}
    for length in lengths:
        scenes = world.scenes(length, num_clips, system)
        if not scenes:
            continue
        found[TRUE][length] = Survival([scene.read(scene.true) for scene in scenes])
        found[HELD][length] = Survival([scene.read(scene.held) for scene in scenes])
        for column, maker in columns.items():
            jobs = track(scenes, f"{column}: hidden for {length}")
            outcomes = [scene.read(continued(maker, scene)) for scene in jobs]
            found[column][length] = Survival(outcomes, horizon(maker))
    return found


def horizon(maker: Any) -> int:
    """Frames back that every new frame of a model and strategy sees, at least."""
    return strategy_named(maker.strategy, maker.pipe).horizon * maker.pipe.codec.factors[0]


def continued(maker: Maker, scene: Hidden) -> np.ndarray:
    """A video from where the object is hidden; its frames, uint8 (f h w 3), from there on."""
    opening, more = scene.frames[: scene.start], len(scene.true)
    path = maker.video(f"hidden-{scene.label}", scene.caption, opening, more, scene.seed)
    return np.stack(list(clips.stream(path, start=scene.start)))
