"""Make long videos from true openings, and measure them beside the true continuation."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from rich.progress import track

from kinema import clips
from kinema.errors import UserError
from kinema.fields import Count, Name, OneOf, check_fields
from kinema.probes.drift.curves import Joins, Opening, figures, joins_of
from kinema.probes.drift.worlds import WORLDS, TrueScene
from kinema.probes.long_videos import LONG, Make, makers
from kinema.probes.unseen import FIRST_SEED, unseen
from kinema.video import generate_long

TRUE, FROZEN = "true continuation", "frozen"
Curve = dict[str, list]  # figure -> one value a place


@dataclass(frozen=True)
class DriftProbe:
    """Measure how far long videos drift from their opening, beside the true continuation."""

    # systems, for instance the same one after each stage of training; the one of the world unless
    # given: tabletop, or physics-box
    models: Sequence[str] = ()
    strategies: Sequence[str] = LONG  # names, as `kinema generate --long` takes them
    num_frames: Count = 1000  # frames of each video, with the opening
    num_clips: Count = 8  # videos of each model and strategy
    # where the openings come from: "tabletop", or "tabletop-2" to "tabletop-4" for its other
    # levels, whose objects come to rest after some seconds; or "box", whose disc never rests
    world: Annotated[str, OneOf(tuple(WORLDS))] = "tabletop"
    num_steps: Count | None = None  # sampling steps; the system's own unless given
    # where the videos are written; a video that is there already is not made again
    folder: Name = "drift"
    num_given: Count = 9  # true frames that each video begins with
    every: Count = 64  # frames between two places that are measured
    report: Name | None = None  # a Markdown file to write, with .json and .png beside it

    def __post_init__(self) -> None:
        check_fields(self, "--")
        if self.num_frames <= self.num_given:
            raise UserError(
                f"--num-frames is {self.num_frames}: give more than the {self.num_given} frames "
                "that each video begins with."
            )


@dataclass
class DriftFindings:
    """All that the probe found."""

    probe: DriftProbe
    places: list[int]  # first frame of every segment that was measured
    length: int  # frames of a segment
    curves: dict[str, list[Curve]] = field(default_factory=dict)  # column -> one a clip
    joins: dict[str, list[Joins]] = field(default_factory=dict)  # column -> one a clip


def measure_drift(
    probe: DriftProbe, load: Callable[[str], Any] | None = None, make: Make = generate_long
) -> DriftFindings:
    """Make all videos by `make`, of the models that `load` loads, and measure them."""
    kind, level = WORLDS[probe.world]
    models = probe.models or (kind.model,)
    columns = makers(models, probe.strategies, probe.num_steps, probe.folder, load, make)
    system = next(iter(columns.values())).pipe.system
    length = min(system.num_frames, probe.num_frames)
    places = list(range(0, probe.num_frames - length + 1, probe.every))
    findings, world = DriftFindings(probe, places, length), kind(level)
    for seed in track(unseen(probe.num_clips), "Measuring scenes"):
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
        """Measure a file, a segment in memory at a time, and its joins; see `joins_of`."""
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
