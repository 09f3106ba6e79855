"""Make videos that begin before a thing is hidden, and see whether it comes out again as itself.

A scene lies inside a strategy's horizon if the first frame that shows something of the object again
sees back to one that shows it whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

import numpy as np
from rich.progress import track

from kinema import clips
from kinema.errors import UserError
from kinema.fields import Count, Name, OneOf, check_fields
from kinema.probes.drift.probe import TRUE
from kinema.probes.long_videos import LONG, Maker, makers
from kinema.probes.occlusion.worlds import WORLDS, Hidden, Outcome
from kinema.sampling.rollout import Autoregressive, Keyframes
from kinema.video import strategy_named

HELD = "last given frame held"


@dataclass(frozen=True)
class OcclusionProbe:
    """Measure how often hidden objects come out again as themselves, by strategy and length."""

    # systems, for instance the same one after each stage of training; the one of the world unless
    # given: physics-curtain, or tabletop
    models: Sequence[str] = ()
    strategies: Sequence[str] = LONG  # names, as `kinema generate --long` takes them
    lengths: Sequence[Count] = (8, 16, 32)  # of the occlusions, in frames
    num_clips: Count = 16  # videos of each model, strategy and length
    # "curtain", a disc behind a curtain, read exactly; or "tabletop", a subject behind another
    # object, read by the judge
    world: Annotated[str, OneOf(tuple(WORLDS))] = "curtain"
    num_steps: Count | None = None  # sampling steps; the system's own unless given
    # where the videos are written; a video that is there already is not made again
    folder: Name = "drift"
    report: Name | None = None  # a Markdown file to write, with .json beside it

    def __post_init__(self) -> None:
        check_fields(self, "--")
        if not self.lengths:
            raise UserError("There is no length: name one or more, such as --lengths [8,16].")


@dataclass(frozen=True)
class Sight:
    """What a model and strategy see of the past."""

    horizon: int  # frames back that every new frame sees, at least
    sinks: int = 0  # the first frames that the model was given, if every new frame sees them too
    stride: int = 1  # one in so many frames of the horizon is seen: the key frames

    @classmethod
    def of(cls, maker: Maker) -> Sight:
        strategy = strategy_named(maker.strategy, maker.pipe)
        factor = maker.pipe.codec.factors[0]
        sinks = strategy.sinks if isinstance(strategy, Autoregressive) else 0
        stride = strategy.stride if isinstance(strategy, Keyframes) else 1
        first = factor * (sinks - 1) + 1 if sinks else 0  # the first latent frame is one frame
        return cls(strategy.horizon * factor, first, stride * factor if stride > 1 else 1)

    def __str__(self) -> str:
        sinks = f" and the first {self.sinks}" if self.sinks else ""
        return f"{self.horizon}{sinks}" + (f", one in {self.stride}" if self.stride > 1 else "")


@dataclass
class Survival:
    """How often the object came out as itself."""

    outcomes: list[Outcome] = field(default_factory=list)  # one a video
    gaps: list[int] = field(default_factory=list)  # of the scene of every video, see `Hidden.gap`
    sight: Sight | None = None  # of the strategy; None where nothing was made

    def across(self, least: int, most: float) -> Survival:
        """Return the videos of scenes with a gap of `least` to `most` frames."""
        pairs = zip(self.outcomes, self.gaps, strict=True)
        return Survival([outcome for outcome, gap in pairs if least <= gap <= most])

    @property
    def right(self) -> int:
        """Videos in which it did."""
        return sum(outcome.survived for outcome in self.outcomes)

    @property
    def total(self) -> int:
        """Videos."""
        return len(self.outcomes)

    @property
    def late(self) -> list[int]:
        """Of the videos in which it reappears."""
        return [one.late for one in self.outcomes if one.late is not None]

    @property
    def off(self) -> list[float]:
        """Of the videos in which it survived."""
        return [one.off for one in self.outcomes if one.off is not None]


Found = dict[str, dict[int, Survival]]
"""column -> length of the occlusion -> survival"""


@dataclass
class OcclusionFindings:
    """All that the probe found."""

    probe: OcclusionProbe  # what was measured
    found: Found  # the true continuation, the last given frame held, and every model and strategy


def measure_occlusion(
    probe: OcclusionProbe, columns: dict[str, Maker] | None = None
) -> OcclusionFindings:
    """Make the videos by the makers of `columns`, or of `probe.models`, and read them.

    Lengths without a scene in the world are left out.
    """
    world = WORLDS[probe.world]()
    probe = replace(probe, models=probe.models or (world.model,))
    columns = columns or makers(probe.models, probe.strategies, probe.num_steps, probe.folder)
    system = next(iter(columns.values())).pipe.system
    found: Found = {TRUE: {}, HELD: {}, **{column: {} for column in columns}}
    for length in probe.lengths:
        scenes = world.scenes(length, probe.num_clips, system)
        if not scenes:
            continue
        gaps = [scene.gap for scene in scenes]
        found[TRUE][length] = Survival([scene.read(scene.true) for scene in scenes], gaps)
        found[HELD][length] = Survival([scene.read(scene.held) for scene in scenes], gaps)
        for column, maker in columns.items():
            jobs = track(scenes, f"{column}: hidden for {length}")
            outcomes = [scene.read(continued(maker, scene)) for scene in jobs]
            found[column][length] = Survival(outcomes, gaps, Sight.of(maker))
    return OcclusionFindings(probe, found)


def continued(maker: Maker, scene: Hidden) -> np.ndarray:
    """Make a video from where the object is hidden; its frames, uint8 (f h w 3), from there on."""
    opening, more = scene.frames[: scene.start], len(scene.true)
    path = maker.video(f"hidden-{scene.label}", scene.caption, opening, more, scene.seed)
    return np.stack(list(clips.stream(path, start=scene.start)))
