"""Climbing the ladder: train an arm, sample it in each of its ways, score, and leave a record.

What has a record is not done again, and what was interrupted goes on.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kinema.clips import contact_sheet
from kinema.codecs import CausalVAE
from kinema.denoisers import count_flops, make_denoiser
from kinema.errors import UserError
from kinema.interop import codec_fingerprint
from kinema.storage import write_bytes
from kinema.training import Shards
from kinema.training.meter import this_machine
from kinema.training.shards import SHARD_SIZE
from kinema.training.sources import WorldClips
from kinema.video.system import find
from studies.ladder.arms import ARMS, TRACKS, Arm
from studies.ladder.making import Making, make_clips
from studies.ladder.records import BUDGETS, SAMPLES, Record, Records, Store
from studies.ladder.scoring import (
    PROMPT,
    Scenes,
    Scores,
    mean_of_known,
    prompts_followed,
    score_free,
    score_remade,
    true_scenes,
)
from studies.ladder.task import Cost, FrameLatents, LadderTask, measure_cost
from studies.records import file_name

UNSEEN = 1_000_000_000  # the held-out clips start here


@dataclass
class Ladder:
    """Train every way of joining frames on the same clips, and measure what each reaches."""

    # of the runs; what is finished there is not done again, what was interrupted goes on
    folder: str | Path = "runs/ladder"
    size: str = "tiny"  # of every network: tiny, small, base, large, xl
    num_samples: int = 3_072  # clips that every arm sees, in the first column
    minutes: float = 1.0  # how long every arm trains, in the second column
    seeds: int = 2  # runs of each arm and column
    num_clips: int = 12  # unseen scenes that are scored
    level: int = 1  # of the tabletop world
    pixels: int = 64  # height and width of the clips
    training_clips: int = 1_024  # how many different clips there are to learn from
    batch_size: int = 16  # of a step
    making: Making = field(default_factory=Making)  # how clips are sampled
    # names of arms or of tracks (short, long, fast); all of them if empty; "measured" trains
    # nothing and shows what is there
    arms: Sequence[str] = ()
    # a Markdown file to write from all arms measured so far, with plots in .png and a folder of
    # records, ARM.json, beside it. Records that lie there already, from another session or machine,
    # are taken up too.
    report: str | None = None

    def __post_init__(self) -> None:
        counts = (self.num_samples, self.seeds, self.num_clips, self.batch_size)
        if min(counts) < 1 or self.minutes <= 0:
            raise UserError("The ladder needs at least one sample, seed and clip, and a minute.")

    @property
    def places(self) -> list[Path]:
        """Folders of records: in that of the runs, and beside the page if there is one."""
        own = Path(self.folder) / "records"
        return [own, Path(self.report).with_suffix("")] if self.report else [own]

    def settings(self) -> dict[str, Any]:
        """What all records must have in common; more seeds are welcome."""
        free = ("folder", "seeds", "arms", "report")
        return {name: value for name, value in asdict(self).items() if name not in free}


class Climber:
    """The ladder's data, made when first asked for and shared by all arms of a track.

    Raises:
        UserError: if the folder holds the records of other settings.
    """

    def __init__(self, ladder: Ladder):
        self.ladder = ladder
        self.codec_folder = str(find("tabletop") / "codec")
        self.store = Store(ladder.places)
        codec = codec_fingerprint(self.codec_folder)
        self.store.keep_settings({**ladder.settings(), "codec": codec})
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
        """Return the scores of the true clips through the codec."""
        name, key = f"floor, {track}", ("coded", "", 0)
        if key not in self.store.read(name):
            scenes = self.scenes(track)
            record = Record(*score_all(scenes.coded, scenes.coded, scenes, track))
            self.store.add(name, {key: record})
        return self.store.read(name)[key]

    def climb(self, name: str, seed: int, budget: str) -> dict[str, Record]:
        """Train an arm, or find it done; the record of each of its ways."""
        arm = ARMS[name]
        keys = {way: (way, budget, seed) for way in arm.ways}
        if not set(keys.values()) <= self.store.read(name).keys():
            place = Path(self.ladder.folder) / arm.track / file_name(name) / f"{budget[6:]}-{seed}"
            task = self.task(arm, seed)
            cost, samples, held_out = self.train(task, place, budget, seed)
            new = {}
            for way, key in keys.items():
                scores = self.score(task, arm, way, place)
                new[key] = Record(*scores, samples, held_out, asdict(cost), this_machine())
            self.store.add(name, new)
        found = self.store.read(name)
        return {way: found[key] for way, key in keys.items()}

    def task(self, arm: Arm, seed: int) -> LadderTask:
        ladder, track = self.ladder, TRACKS[arm.track]
        clips = WorldClips(
            (ladder.level,), "train", track.num_frames, ladder.pixels, track.fps,
            num_clips=ladder.training_clips,
        )  # fmt: skip
        unseen = WorldClips(
            (ladder.level,), "train", track.num_frames, ladder.pixels, track.fps, UNSEEN, 32
        )
        cache = Path(ladder.folder) / "cache"
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
        for first in range(0, len(task.data.clips), SHARD_SIZE):  # made before the clock runs
            task.data.clips.read([first])
        if not plan.exists():  # the budget in clips is settled once, also for a resumed run
            cost = measure_cost(task, ladder.batch_size)
            affordable = int(60 * ladder.minutes / cost.seconds) * ladder.batch_size
            samples = ladder.num_samples if budget == SAMPLES else max(1, affordable)
            write_bytes(plan, json.dumps({"samples": samples, "cost": asdict(cost)}).encode())
        planned = json.loads(plan.read_text())
        held_out = task.fit(planned["samples"], ladder.batch_size, place)
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
    """Climb everything, seed by seed and arm by arm, telling each as it is done.

    Returns:
        all records there are, those of other arms included.
    """
    for seed in range(climber.ladder.seeds):
        for name in names:
            for budget in BUDGETS:
                began = time.monotonic()
                climber.climb(name, seed, budget)
                took = time.monotonic() - began
                print(f"{name}, {budget}, seed {seed}: {took:.0f} s", flush=True)
    climber.store.share([*ARMS, *(f"floor, {track}" for track in TRACKS)])
    return climber.store.all(list(ARMS))


def long_clip_flops(arm: Arm, ladder: Ladder, num_frames: int = 120) -> float:
    """Return GFLOP of one forward pass of an arm's denoiser on `num_frames` frames."""
    config = arm.config(ladder.size)
    with torch.device("meta"):
        network = make_denoiser(config)
    side = ladder.pixels // 8
    return count_flops(network, (config.channels, num_frames, side, side), 16) / 1e9
