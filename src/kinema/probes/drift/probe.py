"""Make long videos from true openings, and measure them beside the true continuation.

Every video begins with the first frames of a scene. The scene goes on in truth too, and the same
figures on those frames are the floor; the opening's last frame, held, is the trivial baseline. What
a segment shows is read by the judge on the tabletop, and exactly, off the pixels, in the box.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track

import kinema
from kinema import clips
from kinema.clips import Clip
from kinema.errors import UserError
from kinema.probes.drift.curves import Joins, Opening, figures, joins_of
from kinema.probes.drift.worlds import WORLDS, TrueScene
from kinema.video import System, generate_long, strategy_named
from kinema.video.long import digest

FIRST_SEED = 2_000_000_000  # scenes that no training run draws
TRUE, FROZEN = "true continuation", "frozen"
Curve = dict[str, list]  # figure -> one value a place


@dataclass(frozen=True)
class DriftProbe:
    """What to measure.

    Args:
        models: systems; the one of the world unless given, tabletop or physics-box.
        strategies: names, as `kinema generate --long` takes them.
        num_frames: of each video, the opening included.
        num_clips: videos of each model and strategy.
        world: that the openings are drawn from: "tabletop", "tabletop-2" to "-4" for its other
            levels, or "box", a disc in a closed box that never comes to rest.
        num_steps: sampling steps; the system's own unless given.
        folder: receives the videos.
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
            raise UserError("num_clips, num_given and every must be at least 1.")
        if self.num_frames <= self.num_given:
            raise UserError(
                f"num_frames is {self.num_frames}: it must be more than num_given, "
                f"{self.num_given}."
            )
        if self.world not in WORLDS:
            raise UserError(f"There is no world {self.world!r}: choose from {', '.join(WORLDS)}.")

    def seeds(self) -> list[int]:
        return list(range(FIRST_SEED, FIRST_SEED + self.num_clips))


@dataclass
class Findings:
    """All that the probe found.

    Attributes:
        places: first frame of every segment that was measured.
        length: frames of a segment.
        curves: column ("true continuation", "frozen", "MODEL, STRATEGY") -> one curve a clip.
        joins: column -> one a clip; the true continuation at the joins of the first column.
    """

    probe: DriftProbe
    places: list[int]
    length: int
    curves: dict[str, list[Curve]] = field(default_factory=dict)
    joins: dict[str, list[Joins]] = field(default_factory=dict)


Make = Callable[..., Any]  # generate_long


def measure_drift(
    probe: DriftProbe, load: Callable[[str], Any] | None = None, make: Make = generate_long
) -> Findings:
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
    findings, world = Findings(probe, places, length), kind(level)
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


@dataclass(frozen=True)
class Maker:
    """Makes the videos of one model and strategy, unless they are there from an earlier run.

    Args:
        pipe: the model.
        name: tells its files from those of other models.
        strategy: a name, as `kinema generate --long` takes it.
        make: what makes a video.
        folder: receives the videos.
        num_steps: sampling steps; the system's own unless given.
    """

    pipe: Any
    name: str
    strategy: str
    make: Make
    folder: str
    num_steps: int | None

    def video(self, label: str, caption: str, opening: np.ndarray, more: int, seed: int) -> Path:
        """The file in which `more` frames follow the opening, uint8 (f h w 3)."""
        system, strategy = self.pipe.system, strategy_named(self.strategy, self.pipe)
        target = Path(self.folder) / f"{self.name}-{self.strategy}-{label}.mkv"
        prompt = caption if system.takes_prompts else ""
        num_steps = system.num_steps if self.num_steps is None else self.num_steps
        options = {"num_frames": more, "num_steps": num_steps}
        if target.exists():
            asked = {"strategy": repr(strategy), "story": [[0, prompt]], "first_seed": seed}
            check_made(target, len(opening) + more, {**asked, **options})
        else:
            self.make(
                self.pipe, prompt, strategy, target, seed=seed,
                continue_from=Clip(opening, system.fps), progress=False, **options,
            )  # fmt: skip
        return target


def check_made(path: Path, num_frames: int, settings: dict[str, Any]) -> None:
    """Raise a UserError unless a video has so many frames and was made with these settings."""
    advice = "delete it, or choose another --folder."
    held = clips.inspect(path).num_frames
    if held != num_frames:
        raise UserError(f"{path} has {held} frames, not {num_frames}: {advice}")
    told = clips.read_metadata(path).get("settings", {})
    for name, value in settings.items():
        if told.get(name) != value:
            raise UserError(f"{path} was made with {name} {told.get(name)}, not {value}: {advice}")


def check_alike(systems: dict[str, System]) -> None:
    """Raise a UserError unless all make clips of one size and rate: they are given the same."""
    kinds = {name: f"{s.size[0]}x{s.size[1]} at {s.fps:g} fps" for name, s in systems.items()}
    if len(set(kinds.values())) > 1:
        told = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
        raise UserError(
            f"The models make clips of different sizes or rates, {told}: measure one at a time."
        )


def file_name(model: str, pipe: Any) -> str:
    """The end of a model's name and a digest of weights and defaults: no other has the same."""
    parts = Path(model).parts
    name = "-".join(parts[-2:] if parts[-1] == "final" else parts[-1:])  # final/ of which run
    system = torch.tensor(list(repr(pipe.system).encode()), dtype=torch.uint8)
    return f"{name}-{digest([system, *pipe.state_dict().values()])[:8]}"


@dataclass(frozen=True)
class Contenders:
    """Models and strategies, and how their videos are made.

    Args:
        models: systems.
        strategies: names, as `kinema generate --long` takes them.
        num_steps: sampling steps; the system's own unless given.
        folder: receives the videos.
        load: name of a model -> pipeline; `kinema.load` unless given.
        make: what makes a video.
    """

    models: Sequence[str]
    strategies: Sequence[str]
    num_steps: int | None = None
    folder: str = "drift"
    load: Callable[[str], Any] | None = None
    make: Make = generate_long

    def makers(self) -> dict[str, Maker]:
        """Column -> what makes its videos.

        Raises:
            UserError: without strategies, or if the models make clips of different sizes or rates.
        """
        if not self.strategies:
            raise UserError(
                "There is no strategy: name one or more, such as --strategies [sliding]."
            )
        pipes = {name: (self.load or kinema.load)(name) for name in self.models}
        check_alike({name: pipe.system for name, pipe in pipes.items()})
        files = {name: file_name(name, pipe) for name, pipe in pipes.items()}
        return {
            f"{name}, {strategy}": Maker(
                pipes[name], files[name], strategy, self.make, self.folder, self.num_steps
            )
            for name, strategy in itertools.product(self.models, self.strategies)
        }


@dataclass
class Measured:
    """The videos of one scene on their way into the findings."""

    findings: Findings
    scene: TrueScene

    def __post_init__(self) -> None:
        self.opening = Opening(self.scene.frames[: self.findings.probe.num_given])

    def add(self, column: str, frames: np.ndarray) -> None:
        """Measure frames in memory."""
        self._add(column, iter(frames))

    def add_file(self, column: str, path: Path, factor: int) -> None:
        """Measure a file, a segment in memory at a time, and its joins.

        factor: frames of a latent frame.
        """
        self._add(column, clips.stream(path))
        joins = clips.read_metadata(path)["joins"]
        self.findings.joins.setdefault(column, []).append(
            joins_of(clips.stream(path), joins, factor)
        )
        true = f"{TRUE}, at the joins of {column}"
        self.findings.joins.setdefault(true, []).append(joins_of(self.scene.frames, joins, factor))

    def _add(self, column: str, frames: Iterator[np.ndarray]) -> None:
        curve: Curve = {}
        for place, segment in zip(self.findings.places, self._segments(frames), strict=True):
            row = {**figures(segment, self.opening), **self.scene.read(segment, place)}
            for name, value in row.items():
                curve.setdefault(name, []).append(value)
        self.findings.curves.setdefault(column, []).append(curve)

    def _segments(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """The segments at the findings' places."""
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
