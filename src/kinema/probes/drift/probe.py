"""Make long videos from true openings, and measure them beside the true continuation.

Every video begins with the first frames of a scene. The scene goes on in truth too, and the same
figures on those frames are the floor; the opening's last frame, held, is the trivial baseline. What
a segment shows is read by the judge on the tabletop, and exactly, off the pixels, in the box.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from kinema import clips
from kinema.errors import UserError, nearest
from kinema.probes.drift.curves import Joins, Opening, figures, joins_of
from kinema.probes.drift.worlds import WORLDS, TrueScene
from kinema.probes.long_videos import Contenders, Make
from kinema.probes.unseen import FIRST_SEED
from kinema.video import generate_long

TRUE, FROZEN = "true continuation", "frozen"
Curve = dict[str, list]  # figure -> one value a place


@dataclass(frozen=True)
class DriftProbe:
    """What to measure; the fields are the options of `kinema probe drift`, but for the last two.

    Attributes:
        num_given: true frames that each video begins with.
        every: frames between two places that are measured.
    """

    models: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ("sliding",)
    num_frames: int = 1000
    num_clips: int = 8
    world: str = "tabletop"
    num_steps: int | None = None
    folder: str = "drift"
    num_given: int = 9
    every: int = 64

    def __post_init__(self) -> None:
        if min(self.num_clips, self.num_given, self.every) < 1:
            raise UserError("--num-clips, num_given and every must be at least 1.")
        if self.num_frames <= self.num_given:
            raise UserError(
                f"--num-frames is {self.num_frames}: give more than the {self.num_given} frames "
                "that each video begins with."
            )
        if self.world not in WORLDS:
            raise UserError(
                f"There is no world {self.world!r}; {nearest(self.world, list(WORLDS))}"
            )

    def seeds(self) -> list[int]:
        return list(range(FIRST_SEED, FIRST_SEED + self.num_clips))


@dataclass
class DriftFindings:
    """All that the probe found."""

    probe: DriftProbe
    places: list[int]  # first frame of every segment that was measured
    length: int  # frames of a segment
    # column ("true continuation", "frozen", "MODEL, STRATEGY") -> one curve a clip
    curves: dict[str, list[Curve]] = field(default_factory=dict)
    # column -> one a clip; the true continuation at the joins of the first column
    joins: dict[str, list[Joins]] = field(default_factory=dict)


def measure_drift(
    probe: DriftProbe, load: Callable[[str], Any] | None = None, make: Make = generate_long
) -> DriftFindings:
    """Make and measure all videos.

    Args:
        probe: what to measure.
        load: name of a model -> pipeline; `kinema.load` unless given.
        make: what makes a video.
    """
    kind, level = WORLDS[probe.world]
    models = probe.models or (kind.model,)
    columns = Contenders(
        models, probe.strategies, probe.num_steps, probe.folder, load, make
    ).makers()
    system = next(iter(columns.values())).pipe.system
    length = min(system.num_frames, probe.num_frames)
    places = list(range(0, probe.num_frames - length + 1, probe.every))
    findings, world = DriftFindings(probe, places, length), kind(level)
    for seed in track(probe.seeds(), "Measuring scenes"):
        scene = world.scene(seed, probe.num_frames, system)
        true, measured = scene.frames, Measured(findings, scene)
        measured.add(TRUE, true)
        held = true[probe.num_given - 1 : probe.num_given]
        rest = probe.num_frames - probe.num_given
        measured.add(FROZEN, np.concatenate([true[: probe.num_given], held.repeat(rest, 0)]))
        for column, maker in columns.items():
            label, opening = f"{probe.world}-{seed - FIRST_SEED}", true[: probe.num_given]
            video = maker.video(label, scene.caption, opening, rest, seed)
            measured.add_file(column, video, maker.pipe.codec.factors[0])
    return findings


@dataclass
class Measured:
    """The videos of one scene on their way into the findings."""

    findings: DriftFindings
    scene: TrueScene

    def __post_init__(self) -> None:
        self.opening = Opening(self.scene.frames[: self.findings.probe.num_given])

    def add(self, column: str, frames: np.ndarray) -> None:
        """Measure frames in memory."""
        self.measure(column, iter(frames))

    def add_file(self, column: str, path: Path, factor: int) -> None:
        """Measure a file, a segment in memory at a time, and its joins.

        factor: frames of a latent frame.
        """
        self.measure(column, clips.stream(path))
        joins = clips.read_metadata(path)["joins"]
        self.findings.joins.setdefault(column, []).append(
            joins_of(clips.stream(path), joins, factor)
        )
        true = f"{TRUE}, at the joins of {column}"
        self.findings.joins.setdefault(true, []).append(joins_of(self.scene.frames, joins, factor))

    def measure(self, column: str, frames: Iterator[np.ndarray]) -> None:
        """Add the figures of every segment to the findings."""
        curve: Curve = {}
        for place, segment in zip(self.findings.places, self.segments(frames), strict=True):
            row = {**figures(segment, self.opening), **self.scene.read(segment, place)}
            for name, value in row.items():
                curve.setdefault(name, []).append(value)
        self.findings.curves.setdefault(column, []).append(curve)

    def segments(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the segments at the findings' places."""
        length, start = self.findings.length, 0
        kept: list[np.ndarray] = []
        for place in self.findings.places:
            if place >= start + len(kept):  # leave out what lies between
                list(itertools.islice(frames, place - start - len(kept)))
                kept = []
            else:
                kept = kept[place - start :]
            kept += list(itertools.islice(frames, length - len(kept)))
            start = place
            yield np.stack(kept)
