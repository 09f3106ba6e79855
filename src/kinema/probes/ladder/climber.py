"""Climbing the ladder: train an arm, sample it in each of its ways, score, and leave a record.

A record is a JSON file; what has one is not done again, and what was interrupted goes on.
"""

import json
import math
import re
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from kinema.clips import contact_sheet, write_bytes
from kinema.codecs import CausalVAE
from kinema.denoisers import count_flops, make_denoiser
from kinema.errors import UserError
from kinema.probes.ladder.arms import ARMS, TRACKS, Arm
from kinema.probes.ladder.making import Making, make_clips
from kinema.probes.ladder.scoring import (
    PROMPT,
    Scenes,
    Scores,
    mean_of_known,
    prompts_followed,
    score_free,
    score_remade,
    true_scenes,
)
from kinema.probes.ladder.task import (
    ADAMW_SHARE,
    OPTIMIZER,
    Cost,
    FrameLatents,
    LadderTask,
    measure_cost,
)
from kinema.training import Loop, Shards, train
from kinema.training.shards import SHARD_SIZE
from kinema.training.sources import WorldClips
from kinema.video.system import find

SAMPLES, MINUTES = "equal samples", "equal minutes"
BUDGETS = (SAMPLES, MINUTES)
UNSEEN = 1_000_000_000  # the held-out clips start here


@dataclass
class Ladder:
    """How the ladder is climbed.

    Attributes:
        folder: of the runs and their records.
        size: of every network, see `kinema denoisers`.
        num_samples: clips that every arm sees, in the first column.
        minutes: how long every arm trains, in the second column.
        seeds: runs of each arm and column.
        num_clips: unseen scenes that are scored.
        level: of the tabletop world.
        pixels: height and width of the clips.
        training_clips: how many different clips there are to learn from.
        batch_size: of a step.
        making: how clips are sampled.
    """

    folder: Path
    size: str = "tiny"
    num_samples: int = 3_072
    minutes: float = 1.0
    seeds: int = 2
    num_clips: int = 12
    level: int = 1
    pixels: int = 64
    training_clips: int = 1_024
    batch_size: int = 16
    making: Making = field(default_factory=Making)

    def __post_init__(self) -> None:
        counts = (self.num_samples, self.seeds, self.num_clips, self.batch_size)
        if min(counts) < 1 or self.minutes <= 0:
            raise UserError("The ladder needs at least one sample, seed and clip, and a minute.")


@dataclass
class Record:
    """How one row did, or the floor.

    Attributes:
        clips: score -> its figure for each clip.
        drift: identity drift at each lag, the mean over clips.
        samples: clips that it was trained on.
        held_out: flow loss on unseen clips.
        cost: what a step costs; None for the floor.
    """

    clips: dict[str, list[float]]
    drift: list[float]
    samples: int = 0
    held_out: float = math.nan
    cost: dict[str, float] | None = None


Records = dict[tuple[str, str, str], list[Record]]
"""(arm, way, budget) -> a record for each seed."""


def read_record(path: Path) -> Record:
    return Record(**json.loads(path.read_text()))


def write_record(record: Record, path: Path) -> None:
    write_bytes(path, (json.dumps(asdict(record)) + "\n").encode())


def keep_settings(ladder: Ladder) -> None:
    """Write the settings beside the records, or find the same ones there.

    Raises:
        UserError: if the folder holds the records of other settings; more seeds are welcome.
    """
    path = ladder.folder / "settings.json"
    settings = {k: v for k, v in asdict(ladder).items() if k not in ("folder", "seeds")}
    if not path.exists():
        write_bytes(path, (json.dumps(settings, indent=2) + "\n").encode())
    for name, there in json.loads(path.read_text()).items():
        if settings.get(name) != there:
            raise UserError(
                f"{path.parent} holds a ladder climbed with {name} {there}, not "
                f"{settings.get(name)}: use that, or another folder."
            )


class Climber:
    """The ladder's data, made when first asked for and shared by all arms of a track.

    Raises:
        UserError: if the folder holds the records of other settings.
    """

    def __init__(self, ladder: Ladder):
        self.ladder = ladder
        keep_settings(ladder)
        self.codec_folder = str(find("tabletop") / "codec")
        self.codec = CausalVAE.from_pretrained(self.codec_folder).eval()
        self._scenes: dict[str, Scenes] = {}

    def scenes(self, track: str) -> Scenes:
        if track not in self._scenes:
            ladder = self.ladder
            self._scenes[track] = true_scenes(
                TRACKS[track], self.codec, ladder.num_clips, ladder.level, ladder.pixels
            )
        return self._scenes[track]

    def floor(self, track: str) -> Record:
        """The scores of the true clips through the codec."""
        path = self.ladder.folder / track / "floor.json"
        if not path.exists():
            scenes = self.scenes(track)
            write_record(Record(*score_all(scenes.coded, scenes.coded, scenes, track)), path)
        return read_record(path)

    def climb(self, name: str, seed: int, budget: str) -> dict[str, Record]:
        """Train an arm, or find it trained; the record of each of its ways."""
        arm = ARMS[name]
        place = self.ladder.folder / arm.track / file_name(name) / f"{budget[6:]}-{seed}"
        paths = {way: place / f"{file_name(way)}.json" for way in arm.ways}
        if not all(path.exists() for path in paths.values()):
            task = self.task(arm, seed)
            cost, samples, held_out = self.train(task, place, budget, seed)
            for way, path in paths.items():
                clips, drift = self.score(task, arm, way, place)
                write_record(Record(clips, drift, samples, held_out, asdict(cost)), path)
        return {way: read_record(path) for way, path in paths.items()}

    def task(self, arm: Arm, seed: int) -> LadderTask:
        ladder, track = self.ladder, TRACKS[arm.track]
        clips = WorldClips(
            (ladder.level,), "train", track.num_frames, ladder.pixels, track.fps,
            num_clips=ladder.training_clips,
        )  # fmt: skip
        unseen = WorldClips(
            (ladder.level,), "train", track.num_frames, ladder.pixels, track.fps, UNSEEN, 32
        )
        cache = ladder.folder / "cache"
        seen, held_out = (
            Shards(FrameLatents(source, self.codec_folder), cache, workers=0)
            for source in (clips, unseen)
        )
        return LadderTask(arm.config(ladder.size), seen, held_out, clips.corpus(), seed)

    def train(
        self, task: LadderTask, place: Path, budget: str, seed: int
    ) -> tuple[Cost, int, float]:
        """Train to the end of the budget; cost of a step, clips seen, held-out loss."""
        ladder, plan = self.ladder, place / "plan.json"
        for first in range(0, len(task.clips), SHARD_SIZE):  # made before the clock runs
            task.clips.read([first])
        if not plan.exists():  # the budget in clips is settled once, also for a resumed run
            cost = measure_cost(task, ladder.batch_size)
            affordable = int(60 * ladder.minutes / cost.seconds) * ladder.batch_size
            samples = ladder.num_samples if budget == SAMPLES else max(1, affordable)
            write_bytes(plan, json.dumps({"samples": samples, "cost": asdict(cost)}).encode())
        planned = json.loads(plan.read_text())
        loop = Loop(
            num_samples=planned["samples"], batch_size=ladder.batch_size, learning_rate=2e-3,
            optimizer=OPTIMIZER, adamw_share=ADAMW_SHARE, warmup=planned["samples"] // 20,
            averages=(0.1,), seed=seed, validate_every=10**9,
        )  # fmt: skip
        if not (place / "final").exists():
            train(task, loop, place)
        task.load(place / "final")
        lines = map(json.loads, (place / "metrics.jsonl").read_text().splitlines())
        held_out = [x["held_out_loss_final"] for x in lines if "held_out_loss_final" in x][-1]
        return Cost(**planned["cost"]), planned["samples"], held_out

    def score(
        self, task: LadderTask, arm: Arm, way: str, place: Path
    ) -> tuple[dict[str, list[float]], list[float]]:
        """Sample in one way, from prompts and from noised true clips; scores clip by clip."""
        scenes, making = self.scenes(arm.track), self.ladder.making
        free = make_clips(task, self.codec, scenes.captions, way, making)
        remade = make_clips(task, self.codec, scenes.captions, way, making, scenes.latents)
        sheet = [scenes.clips[0].frames, remade[0], free[0]]
        labels = ["true", "made again", scenes.captions[0]]
        contact_sheet(sheet, place / f"{file_name(way)}.png", labels=labels)
        return score_all(free, remade, scenes, arm.track)


def file_name(name: str) -> str:
    """Words and numbers joined by dashes."""
    return "-".join(re.findall(r"\w+", name))


def score_all(
    free: np.ndarray, remade: np.ndarray, scenes: Scenes, track: str
) -> tuple[dict[str, list[float]], list[float]]:
    """Score -> its figure for each clip, and the mean curve of drift."""
    rows: list[Scores] = []
    curves = []
    for made, again, clip in zip(free, remade, scenes.clips, strict=True):
        scores, curve = score_remade(again, clip)
        rows.append({**scores, **score_free(made)})
        curves.append(curve)
    table = {name: [row[name] for row in rows] for name in rows[0]}
    table[PROMPT] = prompts_followed(free, scenes.clips, TRACKS[track].fps)
    return table, [mean_of_known(at_lag) for at_lag in zip(*curves, strict=True)]


def climb_all(climber: Climber, names: list[str]) -> Records:
    """Everything, seed by seed and arm by arm, told line by line as it is done."""
    records: Records = {}
    for seed in range(climber.ladder.seeds):
        for name in names:
            for budget in BUDGETS:
                began = time.monotonic()
                for way, record in climber.climb(name, seed, budget).items():
                    records.setdefault((name, way, budget), []).append(record)
                took = time.monotonic() - began
                print(f"{name}, {budget}, seed {seed}: {took:.0f} s", flush=True)
    return records


def long_clip_flops(arm: Arm, ladder: Ladder, num_frames: int = 120) -> float:
    """GFLOP of one forward pass of an arm's denoiser on `num_frames` frames."""
    config = arm.config(ladder.size)
    with torch.device("meta"):
        network = make_denoiser(config)
    side = ladder.pixels // 8
    return count_flops(network, (config.channels, num_frames, side, side), 16) / 1e9
