"""`kinema probe consistency`: do things stay what they are, and does what happens obey physics?

Nine probes of physics on objects that are found in the frames and followed, and the scores of what
must not change: identity, geometry, texture, lighting, background, camera. Beside them the floor,
the same on true renders, and the proof: clips in which one law is broken on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

import kinema
from kinema import clips, storage
from kinema.checks.check import video_files
from kinema.errors import UserError
from kinema.metrics import wilson_interval
from kinema.metrics.objects.finding import Finding
from kinema.metrics.objects.physics import PROBES, probe_physics
from kinema.metrics.vector import CONSISTENCY, measure
from kinema.probes.consistency.faults import FAULTS, SIZE
from kinema.worlds import WorldClip, discs, tabletop

FIRST_SEED = 2_100_000_000  # scenes that no training run draws
NUM_RESAMPLES = 2000
Rows = list[list[str]]


@dataclass
class Probed:
    """What was found in one clip.

    Attributes:
        name: its file, prompt or seed.
        physics: probe -> finding.
        scores: of `CONSISTENCY`.
    """

    name: str
    physics: dict[str, Finding]
    scores: dict[str, float]


@dataclass
class Proof:
    """What a probe says of clips with one broken law, and of the same clips without it.

    Attributes:
        probe: the one that must see it.
        broken: findings.
        clean: findings of the same clips, whole.
    """

    probe: str
    broken: list[Finding]
    clean: list[Finding]


def probe_clip(frames: np.ndarray, fps: float, name: str = "", planar: bool = False) -> Probed:
    """Probe one clip.

    Args:
        frames: uint8 (f h w 3).
        fps: frames per second.
        name: for the report.
        planar: everything lies in one plane, as discs on paper do.
    """
    scores = measure(frames, fps)
    wanted = {metric: float(scores[metric]) for names in CONSISTENCY.values() for metric in names}
    return Probed(name, probe_physics(frames, fps, planar=planar), wanted)


def prove(num_clips: int, renders: Sequence[WorldClip], seed: int = 0) -> dict[str, Proof]:
    """Break every law on purpose.

    Args:
        num_clips: scenes of the discs.
        renders: tabletop clips.
        seed: of the scenes.
    """
    first = FIRST_SEED + seed * num_clips
    proofs = {}
    for name, fault in track(FAULTS.items(), "Breaking laws", transient=True):
        sources: Iterable[Any] = (
            renders
            if fault.level is None
            else (discs.sample_scene(first + k, fault.level) for k in range(num_clips))
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


# ---- tables -------------------------------------------------------------------------------------


def physics_table(columns: dict[str, list[Probed]]) -> Rows:
    """Header and rows: probe; for each column the share violated, of how many, and the median."""
    rows = [["law", *(head for name in columns for head in (name, "median"))]]
    for probe in PROBES:
        row = [probe]
        for probed in columns.values():
            findings = [one.physics[probe] for one in probed]
            told = [finding for finding in findings if finding.holds is not None]
            values = [finding.value for finding in told]
            median = f"{np.median(values):.3g} {told[0].unit}" if told else "-"
            row += [_violated(told, len(findings)), median]
        rows.append(row)
    return rows


def score_table(columns: dict[str, list[Probed]]) -> Rows:
    """Header and rows: aspect, score, and for each column the mean with its 95 % interval."""
    rows = [["what must not change", "score", *columns]]
    for aspect, names in CONSISTENCY.items():
        for name in names:
            cells = [_mean([one.scores[name] for one in probed]) for probed in columns.values()]
            rows.append([aspect, name, *cells])
    return rows


def proof_table(proofs: dict[str, Proof]) -> Rows:
    """Header and rows: broken law, its probe, the share that is seen, the share of false alarms."""
    rows = [["broken on purpose", "law", "seen", "same clips, whole: violated"]]
    for name, proof in proofs.items():
        cells = []
        for findings in (proof.broken, proof.clean):
            told = [finding for finding in findings if finding.holds is not None]
            cells.append(_violated(told, len(findings)))
        rows.append([name, proof.probe, *cells])
    return rows


def _violated(told: list[Finding], total: int) -> str:
    """Share violated in % with its interval, of those that could be told."""
    if not told:
        return f"cannot tell (0 of {total})"
    violated = sum(finding.holds is False for finding in told)
    low, high = wilson_interval(violated, len(told))
    share = 100 * violated / len(told)
    return f"{share:.0f} % ({100 * low:.0f}-{100 * high:.0f}), told {len(told)} of {total}"


def _mean(values: list[float]) -> str:
    known = np.array([value for value in values if np.isfinite(value)])
    if not len(known):
        return "-"
    rng = np.random.default_rng(0)
    means = known[rng.integers(len(known), size=(NUM_RESAMPLES, len(known)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{known.mean():.3g} ({low:.3g}-{high:.3g}), n = {len(known)}"


def clip_table(probed: list[Probed]) -> Rows:
    """Header and rows: each clip and what each probe says of it."""
    signs = {True: "holds", False: "VIOLATED", None: "?"}
    rows = [["clip", *PROBES]]
    for one in probed:
        cells = []
        for finding in one.physics.values():
            first = f" {finding.frames[0]}" if finding.frames else ""
            cells.append(signs[finding.holds] + first)
        rows.append([one.name, *cells])
    return rows


# ---- the command --------------------------------------------------------------------------------


def run(
    files: list[str] | None = None,
    model: str = "tabletop",
    num_clips: int = 24,
    level: int = 2,
    seed: int = 0,
    planar: bool = False,
    report: str | None = None,
) -> None:
    """Probe physics and consistency of files, or of a model's videos, beside true renders.

    Args:
        files: videos, or folders of them; without any, the model's videos are probed.
        model: a system that ships, a folder, or a repository of the hub.
        num_clips: videos to make, true renders beside them, and clips with each broken law.
        level: of the tabletop world that prompts and renders are drawn from, 1 to 4.
        seed: of the scenes and of the videos.
        planar: the files show things in one plane, as discs on paper: they must never overlap.
        report: a Markdown file to write.

    Raises:
        UserError: for files that cannot be read or a model that is not there, or no clip at all.
    """
    if num_clips < 2 or level not in (1, 2, 3, 4):
        raise UserError(f"num_clips is {num_clips}, level {level}: at least 2, and 1 to 4.")
    subject: dict[str, list[Probed]] = {}
    paths = video_files(files) if files else []
    if files:
        subject["files"] = _probe_files(paths, planar)
    renders = _render(num_clips, level, seed)
    if not files:
        subject["generated"] = _generate(model, renders, seed)
    columns = subject | {
        "tabletop (floor)": [
            probe_clip(clip.frames, clip.fps, clip.caption)
            for clip in track(renders, "Probing renders", transient=True)
        ],
        "discs (floor)": _probe_discs(num_clips, seed),
    }
    tables = {
        "Physics: share of clips that violate a law": physics_table(columns),
        "Consistency: what must not change": score_table(columns),
        "The proof: clips in which one law is broken": proof_table(prove(num_clips, renders, seed)),
    }
    if files:
        tables = {"Clip by clip": clip_table(subject["files"])} | tables
        _print_reasons(subject["files"])
    _show(tables)
    if report:
        options = f"--num_clips {num_clips} --level {level} --seed {seed}"
        what = " ".join(path.name for path in paths) or f"--model {model}"
        _write(Path(report), f"kinema probe consistency {what} {options}", tables)


def _probe_files(paths: list[Path], planar: bool) -> list[Probed]:
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


def _render(num_clips: int, level: int, seed: int) -> list[WorldClip]:
    seeds = range(FIRST_SEED + seed * num_clips, FIRST_SEED + (seed + 1) * num_clips)
    return [
        tabletop.render([k], 33, SIZE, level, "held_out", 16, truth=True)[0]
        for k in track(seeds, "Rendering the floor", transient=True)
    ]


def _generate(model: str, renders: list[WorldClip], seed: int) -> list[Probed]:
    pipe = kinema.load(model)
    probed = []
    for k, clip in enumerate(track(renders, "Generating", transient=True)):
        made = pipe(clip.caption, seed=seed + k, progress=False)
        probed.append(probe_clip(made.frames[0], made.fps, clip.caption))
    return probed


def _probe_discs(num_clips: int, seed: int) -> list[Probed]:
    first = FIRST_SEED + seed * num_clips
    made = [discs.render([first + k], level=1 + k % 3)[0] for k in range(num_clips)]
    return [probe_clip(clip.frames, clip.fps, clip.caption, planar=True) for clip in made]


def _print_reasons(probed: list[Probed]) -> None:
    """Why a probe cannot tell, once a clip if it is the same for all probes."""
    for one in probed:
        notes = {finding.note for finding in one.physics.values() if finding.holds is None}
        if len(notes) == 1 and all(finding.holds is None for finding in one.physics.values()):
            print(f"{one.name}: cannot tell: {notes.pop()}")


def _show(tables: dict[str, Rows]) -> None:
    console = Console()
    console.width = max(console.width, 160)  # a table that wraps its cells cannot be read
    for title, rows in tables.items():
        table = Table(title=title, title_justify="left", box=None, header_style="bold")
        for name in rows[0]:
            table.add_column(name)
        for row in rows[1:]:
            table.add_row(*row)
        console.print(table, "")


def _write(path: Path, command: str, tables: dict[str, Rows]) -> None:
    parts = ["# Do things stay what they are?", f"`{command}`", ABOUT]
    for title, rows in tables.items():
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        table = "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])
        parts += [f"## {title}", table]
    storage.write_bytes(path, ("\n\n".join(parts) + "\n").encode())
    print(f"wrote {path}")


ABOUT = """Objects are found in the frames by colour and followed; [the probes](../consistency.md) \
look at their tracks. Shares are of the clips in which a probe could tell, in % with 95 % Wilson \
intervals; means have 95 % intervals from resampling the clips. The *floor* is the same on true \
renders: what it shows above 0 is a false alarm of the probe."""
