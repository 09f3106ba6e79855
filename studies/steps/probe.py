"""The clips of every arm, and what is seen in them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from rich.progress import track

import kinema
from kinema.errors import UserError
from kinema.fields import Between, Count, Name, Positive, Seed, TabletopLevel, check_fields
from kinema.judges import tabletop as judge
from kinema.judges.tabletop.scoring import TOTAL_QUESTIONS, Answers, is_right
from kinema.metrics.evidence import observe
from kinema.metrics.features.distances import kernel_distance, motion_features
from kinema.probes.prompts.cleanness import Cleanness
from kinema.probes.prompts.probe import through_codec
from kinema.probes.unseen import unseen
from kinema.worlds import Rendering, tabletop
from studies.records import RecordStore

AT_ONCE = 8  # clips in a batch
TRUE, CODED = "true renders", "true, through the codec"
FLOORS = (TRUE, CODED)


@dataclass(frozen=True)
class Arm:
    """How clips are sampled."""

    num_steps: int
    guidance_scale: float

    @property
    def name(self) -> str:
        """What its record is called."""
        return f"{self.num_steps} steps, guidance {self.guidance_scale:g}"

    @property
    def num_calls(self) -> int:
        """Rows that the network sees for one clip."""
        return self.num_steps * (1 if self.guidance_scale == 1 else 2)


@dataclass
class Record:
    """What was seen in the clips of one arm, a figure a clip."""

    right: list[int]  # 1 where the judge reads everything as the prompt asks
    at_borders: list[float]  # steps at the borders of the codec's blocks, gray levels
    elsewhere: list[float]  # steps off them
    sharpness: list[float]  # of the outlines of what moves
    # kernel distance of the motion features from those of true renders through the codec, and its
    # 95 % interval; of these themselves the interval between their halves
    distance: list[float]
    seconds: float = 0.0  # of processor time a clip, sampling and decoding


@dataclass
class Study:
    """Sample held-out prompts with every number of steps and every guidance scale."""

    model: Name = "tabletop"  # a system that ships, a folder, or a repository of the hub
    level: TabletopLevel = 1  # of the tabletop world that the prompts are drawn from, 1 to 4
    num_prompts: Annotated[int, Between(16)] = 200  # held-out prompts, each with one clip an arm
    num_steps: tuple[Count, ...] = (1, 2, 4, 8, 16, 30)  # numbers of steps
    # guidance scales; 1 is without guidance, for half the calls of the network
    guidance: tuple[Positive, ...] = (1.0, 1.5, 2.0, 3.0, 4.0)
    seed: Seed = 0  # of the prompts and of the noise
    folder: Name = "runs/steps"  # of the records; what is measured there is not measured again
    report: Name | None = None  # a Markdown file to write, with .json beside it

    def __post_init__(self) -> None:
        check_fields(self, "--")
        if not self.num_steps or not self.guidance:
            raise UserError(
                "This study needs a number of steps and a guidance scale: change --num-steps "
                f"{list(self.num_steps)} or --guidance {list(self.guidance)}."
            )

    @property
    def arms(self) -> list[Arm]:
        """Every number of steps with every guidance scale."""
        return [Arm(steps, scale) for steps in self.num_steps for scale in self.guidance]

    @property
    def seeds(self) -> list[int]:
        """Of the scenes, and of the noise of their clips."""
        return unseen(self.num_prompts, self.seed)

    @cached_property
    def pipe(self) -> Any:
        """The system."""
        return kinema.load(self.model)

    @cached_property
    def network(self) -> judge.JudgeNetwork:
        """The judge."""
        return judge.load()

    @cached_property
    def scenes(self) -> list[Any]:
        """What is asked for."""
        return [tabletop.sample_scene(seed, self.level, "held_out") for seed in self.seeds]

    @cached_property
    def asked(self) -> list[Answers]:
        """What a judge should read."""
        return [judge.true_answers(scene.attributes) for scene in self.scenes]

    @cached_property
    def still(self) -> list[int]:
        """The scenes whose camera stands still, in which seams can be measured."""
        return [i for i, asked in enumerate(self.asked) if asked["camera"] == "still"]

    @cached_property
    def true(self) -> np.ndarray:
        """True renders, uint8 (n f h w 3)."""
        system = self.pipe.system
        rendering = Rendering(system.num_frames, system.size, self.level, "held_out", system.fps)
        rows = track(self.seeds, "Rendering the scenes")
        return np.stack([tabletop.render([seed], rendering)[0].frames for seed in rows])

    @cached_property
    def coded(self) -> np.ndarray:
        """True renders through the codec, which no denoiser can be nearer to."""
        return through_codec(self.pipe, self.true)

    @cached_property
    def coded_features(self) -> np.ndarray:
        """How they move, (n d)."""
        return features_of(self.coded)

    @property
    def settings(self) -> dict[str, Any]:
        """What records must share."""
        shared = ("model", "level", "num_prompts", "seed")
        return {name: getattr(self, name) for name in shared}


def measure_all(study: Study) -> dict[str, Record]:
    """Measure what has no record yet; returns the floors and then the arms, by name."""
    store = RecordStore[Record]([Path(study.folder)], "the study of steps", Record, ("name",))
    store.keep_settings(study.settings)
    clips: dict[str, Callable[[], np.ndarray]] = {
        TRUE: lambda: study.true,
        CODED: lambda: study.coded,
        **{arm.name: partial(sample, study, arm) for arm in study.arms},
    }
    records = {}
    for name, make in clips.items():
        known = store.read(name)
        if not known:
            began = time.process_time()
            frames = make()
            seconds = (time.process_time() - began) / study.num_prompts
            store.add(name, {(name,): examine(study, frames, 0 if name in FLOORS else seconds)})
        records[name] = store.read(name)[(name,)]
    return records


@torch.inference_mode()
def sample(study: Study, arm: Arm) -> np.ndarray:
    """Sample a clip of every prompt, uint8 (n f h w 3)."""
    captions, made = [scene.caption for scene in study.scenes], []
    for start in track(range(0, study.num_prompts, AT_ONCE), arm.name):
        rows = slice(start, start + AT_ONCE)
        made.append(
            study.pipe(
                captions[rows],
                seed=study.seeds[rows],
                num_steps=arm.num_steps,
                guidance_scale=arm.guidance_scale,
                progress=False,
            ).frames
        )
    return np.concatenate(made)


def examine(study: Study, frames: np.ndarray, seconds: float) -> Record:
    """Measure everything on the clips of one arm."""
    read = judge.read(study.network, frames, study.pipe.system.fps)
    right = [
        int(is_right(one, asked, TOTAL_QUESTIONS))
        for one, asked in zip(read, study.asked, strict=True)
    ]
    clean = Cleanness.of(frames[study.still], study.pipe.codec.factors[1])
    is_coded = frames is study.coded
    features = study.coded_features if is_coded else features_of(frames)
    distance = kernel_distance(features, study.coded_features)
    found = [0.0, *distance.floor] if is_coded else [distance.value, *distance.interval]
    return Record(
        right,
        clean.at_borders,
        clean.elsewhere,
        clean.sharpness,
        found,
        seconds,
    )


def features_of(frames: np.ndarray) -> np.ndarray:
    """How clips move, (n d)."""
    return np.stack([motion_features(observe(clip)) for clip in frames])
