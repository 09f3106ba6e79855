"""Does the video show what the prompt says, do its frames agree, and are its outlines clean?

The judge reads clips without their prompts. On true renders that gives the ceiling, on renders
through the codec what the denoiser could reach, against captions of other clips the floor.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from rich.progress import track

import kinema
from kinema.clips import to_frames, to_tensor
from kinema.fields import Count, Name, Seed, Several, TabletopLevel, Whole, check_fields
from kinema.judges import tabletop as judge
from kinema.judges.tabletop.scoring import Answers, Share, score
from kinema.probes.prompts.cleanness import Cleanness, smoothed
from kinema.probes.prompts.consistency import Measured, Ratio, mean, measure, ratio
from kinema.probes.unseen import FIRST_SEED, tabletop_clips, unseen
from kinema.worlds import Rendering, tabletop
from kinema.worlds.tabletop.paraphrases import rephrase

SPLITS = {"seen": "train", "held out": "held_out"}
AT_ONCE = 8  # clips in a batch


@dataclass
class PromptProbe:
    """Measure whether a model's videos show what their prompts say, and whether frames agree."""

    model: Name = "tabletop"  # a system that ships, a folder, or a repository of the hub
    # prompts of seen combinations of attributes, and as many of held-out ones
    num_prompts: Several = 200
    level: TabletopLevel = 2  # of the tabletop world that the prompts are drawn from, 1 to 4
    seed: Seed = 0  # of the prompts and of the videos
    # held-out prompts that are also sampled frame by frame; 0 leaves out whether frames agree
    num_consistency: Whole = 24
    num_steps: Count | None = None  # sampling steps; the model's own unless given
    guidance_scale: float | None = None  # the model's own unless given
    report: Name | None = None  # a Markdown file to write, with .json and .png beside it

    def __post_init__(self) -> None:
        check_fields(self, "--")
        self.num_consistency = min(self.num_consistency, self.num_prompts)

    @property
    def seeds(self) -> list[int]:
        """Of the scenes and of their videos."""
        return unseen(self.num_prompts, self.seed)

    @property
    def options(self) -> dict[str, Any]:
        """How the pipeline samples."""
        return {
            "num_steps": self.num_steps,
            "guidance_scale": self.guidance_scale,
            "progress": False,
        }


@dataclass
class Shown:
    """Clips of one kind (generated, rendered, ...) and what the judge read in them."""

    frames: np.ndarray  # uint8 (n f h w 3)
    read: list[Answers]


@dataclass
class Group:
    """The scenes of one split."""

    captions: list[str]  # the prompts
    asked: list[Answers]  # what the prompts call for
    rephrased: list[str]  # the prompts in words that no caption puts together so
    clips: dict[str, Shown] = field(default_factory=dict)  # by kind, in the order of the scenes


@dataclass
class PromptFindings:
    """All that the probe found."""

    probe: PromptProbe
    groups: dict[str, Group]  # split -> its scenes with all clips
    scores: dict[str, dict[str, Share]]  # column -> aspect -> share of clips that show it
    consistency: dict[str, Measured]  # kind of clip -> mean figures; empty if it was left out
    ratio: Ratio | None  # of the warping errors above the floor; None if it was left out
    clean: dict[str, Cleanness]  # kind of clip -> seams and outlines, held-out scenes


def measure_prompts(probe: PromptProbe, pipe: Any | None = None) -> PromptFindings:
    """Generate by `pipe`, or by `probe.model`, judge and count."""
    pipe = kinema.load(probe.model) if pipe is None else pipe
    network = judge.load()
    groups = {}
    for name, split in SPLITS.items():
        group = groups[name] = scenes_of(probe, split)
        made = generated(pipe, group.captions, probe, name)
        system = pipe.system
        how = Rendering(system.num_frames, system.size, probe.level, split, system.fps)
        clips = tabletop_clips(probe.seeds, how, f"Rendering {name} scenes")
        true = np.stack([clip.frames for clip in clips])
        decoded = through_codec(pipe, true)
        for kind, frames in {"generated": made, "true": true, "codec": decoded}.items():
            group.clips[kind] = Shown(frames, judge.read(network, frames, pipe.system.fps))
    held_out = groups["held out"]
    made = generated(pipe, held_out.rephrased, probe, "rephrased")
    held_out.clips["rephrased"] = Shown(made, judge.read(network, made, pipe.system.fps))
    consistency, relation = agreement(pipe, held_out, probe)
    clean = cleanness(held_out, pipe.codec.factors[1])
    return PromptFindings(probe, groups, scores_of(groups), consistency, relation, clean)


def scenes_of(probe: PromptProbe, split: str) -> Group:
    scenes = [tabletop.sample_scene(seed, probe.level, split) for seed in probe.seeds]
    asked = [judge.true_answers(scene.attributes) for scene in scenes]
    rephrased = [
        rephrase(scene.attributes, np.random.default_rng(seed))
        for scene, seed in zip(scenes, probe.seeds, strict=True)
    ]
    return Group([scene.caption for scene in scenes], asked, rephrased)


def cleanness(group: Group, block: int) -> dict[str, Cleanness]:
    """Measure seams and outlines where the camera stands still; kind of clip -> figures."""
    still = [asked["camera"] == "still" for asked in group.asked]
    kinds = [kind for kind in group.clips if kind != "rephrased"]
    found = {kind: Cleanness.of(group.clips[kind].frames[still], block) for kind in kinds}
    smooth = [smoothed(clip, block) for clip in group.clips["generated"].frames[still]]
    return {**found, "smoothed": Cleanness.of(smooth, block)}


def generated(pipe: Any, captions: list[str], probe: PromptProbe, name: str) -> np.ndarray:
    """Generate one clip a prompt, uint8 (n f h w 3)."""
    seeds = probe.seeds
    batches = list(batches_of(len(seeds)))
    made = [
        pipe(captions[rows], seed=seeds[rows], **probe.options).frames
        for rows in track(batches, f"Generating from {name} prompts")
    ]
    return np.concatenate(made)


@torch.inference_mode()
def through_codec(pipe: Any, frames: np.ndarray) -> np.ndarray:
    """Encode clips and decode them again."""
    num_frames, *size = frames.shape[1:4]
    decoded = []
    for rows in track(list(batches_of(len(frames))), "Passing them through the codec"):
        clips = torch.stack([to_tensor(clip) for clip in frames[rows]]).to(pipe.device)
        back = pipe.codec.decode(pipe.codec.encode(clips), num_frames, tuple(size))
        decoded.append(to_frames(back))
    return np.concatenate(decoded)


def scores_of(groups: dict[str, Group]) -> dict[str, dict[str, Share]]:
    """Column -> aspect -> share; the columns that need no model pool both splits."""
    asked = [answers for group in groups.values() for answers in group.asked]

    def pooled(kind: str) -> list[Answers]:
        return [answers for group in groups.values() for answers in group.clips[kind].read]

    columns = {
        f"generated, {name}": score(group.clips["generated"].read, group.asked)
        for name, group in groups.items()
    }
    held_out = groups["held out"]
    columns["held out, other words"] = score(held_out.clips["rephrased"].read, held_out.asked)
    columns["true renders"] = score(pooled("true"), asked)
    columns["true, through codec"] = score(pooled("codec"), asked)
    # Each clip against the caption of the next scene: what captions have in common by chance.
    columns["random captions"] = score(pooled("true"), asked[1:] + asked[:1])
    return columns


def agreement(
    pipe: Any, group: Group, probe: PromptProbe
) -> tuple[dict[str, Measured], Ratio | None]:
    n = probe.num_consistency
    if n == 0:
        return {}, None
    clips = {kind: group.clips[kind].frames[:n] for kind in ("generated", "true", "codec")}
    clips["frame by frame"] = frame_by_frame(pipe, group.captions[:n], probe)
    rows = {
        kind: [measure(clip) for clip in track(frames, f"Warping ({kind})")]
        for kind, frames in clips.items()
    }
    relation = ratio(rows["generated"], rows["true"], rows["frame by frame"])
    return {kind: mean(measured) for kind, measured in rows.items()}, relation


def frame_by_frame(pipe: Any, captions: Sequence[str], probe: PromptProbe) -> np.ndarray:
    """Generate clips frame by frame, each from its own noise: (n f h w 3)."""
    num_frames = pipe.system.num_frames
    made = []
    for i, caption in enumerate(track(captions, "Generating frame by frame")):
        first = FIRST_SEED + (i + 1) * num_frames
        seeds = list(range(first, first + num_frames))
        still = pipe([caption] * num_frames, num_frames=1, seed=seeds, **probe.options)
        made.append(still.frames[:, 0])
    return np.stack(made)


def batches_of(count: int) -> Iterator[slice]:
    return (slice(start, start + AT_ONCE) for start in range(0, count, AT_ONCE))
