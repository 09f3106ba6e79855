"""Explain clips of the tabletop by its own renderer, beside true renders and what a codec makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.progress import track

import kinema
from kinema import clips
from kinema.checks.files import video_files
from kinema.fields import Count, Name, Seed, Several, TabletopLevel, check_fields
from kinema.judges.synthesis import Figures, best_render, explain, figures
from kinema.judges.tabletop import NONE, true_answers
from kinema.probes.prompts.probe import batches_of, through_codec
from kinema.probes.unseen import tabletop_clips, unseen
from kinema.worlds import Rendering, WorldClip, tabletop

OFFSET = 200_000_000  # of the seeds: other scenes than those of the other probes
FILES, GENERATED, CODEC, TRUE = "files", "generated", "true, through codec", "true renders (floor)"
FILE_LENGTH = 33  # frames of the true renders beside files


@dataclass(frozen=True)
class ExplainProbe:
    """Fit the world's own scenes to clips: shapes, paths and contact, and what is left over."""

    # videos of the tabletop, or folders of them; without any, the model's videos are explained
    files: Sequence[str] = ()
    model: Name = "tabletop"  # a system that ships, a folder, or a repository of the hub
    num_clips: Several = 24  # videos to make, and true renders beside them
    level: TabletopLevel = 1  # of the tabletop world that prompts and renders are drawn from
    seed: Seed = 0  # of the scenes and of the videos
    num_steps: Count | None = None  # sampling steps; the model's own unless given
    guidance_scale: float | None = None  # the model's own unless given
    report: Name | None = None  # a Markdown file to write, with .json and .png beside it

    def __post_init__(self) -> None:
        check_fields(self, "--")

    @property
    def seeds(self) -> list[int]:
        """Of the scenes and of their videos."""
        return unseen(self.num_clips, self.seed, OFFSET)


@dataclass
class Explained:
    """A clip, the scene that explains it, and what it was to show."""

    name: str  # its file or its prompt
    asked: dict[str, str]  # the judge's questions that the prompt answers
    figures: Figures
    frames: np.ndarray  # uint8 (f h w 3)
    render: np.ndarray  # uint8 (f h w 3), of the scene that explains it


@dataclass
class ExplainFindings:
    """All that the probe found."""

    probe: ExplainProbe
    columns: dict[str, list[Explained]]  # kind of clip -> clip by clip


def measure_explain(probe: ExplainProbe, pipe: Any | None = None) -> ExplainFindings:
    """Explain files, or videos of `pipe` or of `probe.model`, and true renders."""
    if probe.files:
        return ExplainFindings(probe, of_files(probe))
    pipe = kinema.load(probe.model) if pipe is None else pipe
    system = pipe.system
    how = Rendering(system.num_frames, system.size, probe.level, "held_out", system.fps)
    true = tabletop_clips(probe.seeds, how, "Rendering scenes")
    captions = [clip.caption for clip in true]
    asked = [true_answers(tabletop.Attributes.from_json(clip.attributes)) for clip in true]
    rendered = np.stack([clip.frames for clip in true])
    kinds = {
        GENERATED: generated(pipe, captions, probe),
        CODEC: through_codec(pipe, rendered),
        TRUE: rendered,
    }
    columns = {
        kind: [
            explained(*clip, system.fps)
            for clip in track(list(zip(captions, asked, frames, strict=True)), f"Fitting: {kind}")
        ]
        for kind, frames in kinds.items()
    }
    return ExplainFindings(probe, columns)


def of_files(probe: ExplainProbe) -> dict[str, list[Explained]]:
    """Explain videos, and true renders of the same size as the first of them."""
    paths = video_files(list(probe.files))
    found = []
    for path in track(paths, "Fitting files"):
        clip = clips.read(path)
        asked = named_answers(clip.text)
        found.append(explained(path.name, asked, clip.frames, clip.fps))
    size = found[0].frames.shape[1:3]
    how = Rendering(FILE_LENGTH, (size[0], size[1]), probe.level, "held_out")
    true = tabletop_clips(probe.seeds, how, "Rendering scenes")
    return {FILES: found, TRUE: [of_render(clip) for clip in track(true, "Fitting true renders")]}


def named_answers(caption: str) -> dict[str, str]:
    """Answer the judge's questions that a caption answers."""
    answers = true_answers(tabletop.parse(caption))
    silent = NONE if answers["second_shape"] == NONE else ""  # another object is then not named
    return (
        {
            question: answer
            for question, answer in answers.items()
            if answer != NONE or (silent and question.startswith("second_"))
        }
        if caption
        else {}
    )


def of_render(clip: WorldClip) -> Explained:
    """Explain a true render."""
    asked = true_answers(tabletop.Attributes.from_json(clip.attributes))
    return explained(clip.caption, asked, clip.frames, clip.fps)


def explained(name: str, asked: dict[str, str], frames: np.ndarray, fps: float) -> Explained:
    """Explain one clip, uint8 (f h w 3)."""
    explanation = explain(frames, fps)
    render = best_render(frames, explanation)
    return Explained(name, asked, figures(frames, explanation), frames, render)


def generated(pipe: Any, captions: list[str], probe: ExplainProbe) -> np.ndarray:
    """Generate one clip a prompt, uint8 (n f h w 3)."""
    options = {"num_steps": probe.num_steps, "guidance_scale": probe.guidance_scale}
    made = [
        pipe(captions[rows], seed=probe.seeds[rows], progress=False, **options).frames
        for rows in track(list(batches_of(len(captions))), "Generating")
    ]
    return np.concatenate(made)
