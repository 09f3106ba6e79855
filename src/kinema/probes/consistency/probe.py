"""Probe physics and consistency clip by clip, beside true renders and laws broken on purpose."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

import kinema
from kinema import clips
from kinema.checks.files import video_files
from kinema.errors import UserError
from kinema.fields import Name, Seed, Several, TabletopLevel, check_fields
from kinema.metrics.objects.finding import Finding
from kinema.metrics.objects.physics import probe_physics
from kinema.metrics.vector import CONSISTENCY, measure
from kinema.probes.consistency.faults import FAULTS, SIZE
from kinema.probes.unseen import tabletop_clips, unseen
from kinema.worlds import Rendering, WorldClip, discs

OFFSET = 100_000_000  # of the seeds: other scenes than those of the other probes
FILES, GENERATED = "files", "generated"


@dataclass(frozen=True)
class ConsistencyProbe:
    """Measure whether things stay what they are and obey physics, beside true renders."""

    # videos, or folders of them; without any, the model's videos are probed
    files: Sequence[str] = ()
    model: Name = "tabletop"  # a system that ships, a folder, or a repository of the hub
    # videos to make, true renders beside them, and clips with each broken law
    num_clips: Several = 24
    # of the tabletop world that prompts and renders are drawn from, 1 to 4
    level: TabletopLevel = 2
    seed: Seed = 0  # of the scenes and of the videos
    # the files show things in one plane, such as discs on paper, which never overlap
    planar: bool = False
    report: Name | None = None  # a Markdown file to write, with .json beside it

    def __post_init__(self) -> None:
        check_fields(self, "--")

    @property
    def seeds(self) -> list[int]:
        """Of the scenes."""
        return unseen(self.num_clips, self.seed, OFFSET)


@dataclass
class Probed:
    """What was found in one clip."""

    name: str  # its file, prompt or seed
    physics: dict[str, Finding]  # probe -> finding
    scores: dict[str, float]  # of `CONSISTENCY`


@dataclass
class Proof:
    """What a probe says of clips with one broken law, and of the same clips without it."""

    probe: str  # the one that must see it
    broken: list[Finding]  # findings
    clean: list[Finding]  # findings of the same clips, whole


@dataclass
class ConsistencyFindings:
    """All that the probe found."""

    probe: ConsistencyProbe  # what was measured
    columns: dict[str, list[Probed]]  # FILES or GENERATED, then the floors -> clip by clip
    proofs: dict[str, Proof]  # fault -> what its probe says of it


def measure_consistency(probe: ConsistencyProbe) -> ConsistencyFindings:
    """Probe files or a model's videos, true renders, and clips in which one law is broken."""
    columns = {}
    if probe.files:
        columns[FILES] = probe_files(video_files(list(probe.files)), probe.planar)
    rendering = Rendering(33, SIZE, probe.level, "held_out", 16, truth=True)
    renders = tabletop_clips(probe.seeds, rendering, "Rendering the floor")
    if not probe.files:
        columns[GENERATED] = probe_generated(probe, renders)
    columns["tabletop (floor)"] = [
        probe_clip(clip.frames, clip.fps, clip.caption)
        for clip in track(renders, "Probing renders", transient=True)
    ]
    columns["discs (floor)"] = probe_discs(probe)
    return ConsistencyFindings(probe, columns, prove(probe, renders))


def probe_clip(frames: np.ndarray, fps: float, name: str = "", planar: bool = False) -> Probed:
    """Probe one clip, uint8 (f h w 3); `planar`: all lies in one plane, as discs on paper do."""
    scores = measure(frames, fps)
    wanted = {metric: float(scores[metric]) for names in CONSISTENCY.values() for metric in names}
    return Probed(name, probe_physics(frames, fps, planar=planar), wanted)


def prove(probe: ConsistencyProbe, renders: Sequence[WorldClip]) -> dict[str, Proof]:
    """Break every law on purpose, in scenes of the discs and in tabletop clips."""
    proofs = {}
    for name, fault in track(FAULTS.items(), "Breaking laws", transient=True):
        sources: Iterable[Any] = (
            renders
            if fault.level is None
            else (discs.sample_scene(seed, fault.level) for seed in probe.seeds)
        )
        proof = proofs[name] = Proof(fault.probe, [], [])
        fps, planar = (10, True) if fault.level else (16, False)
        for source in sources:
            broken = fault.apply(source)
            if broken is not None:
                both = (proof.broken, broken), (proof.clean, fault.clean(source))
                for found, frames in both:
                    found.append(probe_physics(frames, fps, planar=planar)[fault.probe])
    return proofs


def probe_files(paths: list[Path], planar: bool) -> list[Probed]:
    """Probe videos; one that cannot be read is named, and the others go on."""
    probed, console = [], Console(stderr=True)
    for path in track(paths, "Probing files", transient=True):
        try:
            clip = clips.read(path)
            probed.append(probe_clip(clip.frames, clip.fps, path.name, planar))
        except UserError as error:
            console.print(f"kinema: {error}", style="yellow", soft_wrap=True)
    if not probed:
        raise UserError("None of the files could be probed.")
    return probed


def probe_generated(probe: ConsistencyProbe, renders: list[WorldClip]) -> list[Probed]:
    """Make a video from the caption of each render, and probe it."""
    pipe = kinema.load(probe.model)
    probed = []
    for number, clip in enumerate(track(renders, "Generating", transient=True)):
        made = pipe(clip.caption, seed=probe.seed + number, progress=False)
        probed.append(probe_clip(made.frames[0], made.fps, clip.caption))
    return probed


def probe_discs(probe: ConsistencyProbe) -> list[Probed]:
    """Probe scenes of discs of three laws in turn."""
    laws = enumerate(probe.seeds)
    made = [discs.render([seed], Rendering(32, level=1 + k % 3))[0] for k, seed in laws]
    return [probe_clip(clip.frames, clip.fps, clip.caption, planar=True) for clip in made]
