"""The ruler's own test: which metric sees which fault, and which is blind?

Every clip is corrupted in every way at three strengths and re-encoded harmlessly; every metric is
taken of each. Thresholds are fitted on one half of the worlds and files and judged on the other.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, field, replace
from itertools import islice
from math import ceil
from pathlib import Path

import numpy as np

from kinema import clips, storage
from kinema.checks.check import video_files, worker_pool
from kinema.errors import UserError
from kinema.metrics.comparison import compare, compare_score
from kinema.metrics.evidence import Score
from kinema.metrics.temporal.cuts import find_cuts
from kinema.metrics.vector import METRICS, measure
from kinema.metrics.verdicts import FAULTS, Fault, Rule
from kinema.worlds import tabletop
from studies.ruler.codec_faults import compress
from studies.ruler.corruptions import CORRUPTIONS
from studies.ruler.page import write_page

CLEAN_CRFS = (18, 23, 28)
STRENGTHS = ("mild", "usual", "strong")
NUM_FRAMES = 20
SIZE = 128  # shorter side in the probe, pixels
LEVEL = 4  # of the tabletop worlds: two bodies, textures, moving cameras

Vector = dict[str, Score]


@dataclass
class Specimen:
    """One clip and the vectors of all that was made of it.

    Attributes:
        name: of the clip.
        clean: its own vector.
        reencoded: after harmless compression, one per `CLEAN_CRFS`.
        corrupted: name of the corruption -> vectors at mild, usual, strong; or the usual only.
    """

    name: str
    clean: Vector
    reencoded: list[Vector]
    corrupted: dict[str, list[Vector]] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The world or the file; stretches of one file are no independent clips."""
        return self.name.rpartition(" from ")[0] or self.name


def examine(name: str, frames: np.ndarray, seed: int, strengths: tuple[int, ...]) -> Specimen:
    """Corrupt a clip in every way and measure everything.

    Args:
        name: of the clip.
        frames: uint8 (f h w 3).
        seed: of the corruptions.
        strengths: indices into `STRENGTHS`.
    """
    reencoded = [measure(compress(frames, crf)) for crf in CLEAN_CRFS]
    specimen = Specimen(name, measure(frames), reencoded)
    for fault, corruption in CORRUPTIONS.items():
        chosen = [corruption.strengths[index] for index in strengths]
        vectors = {s: measure(corruption(frames, s, seed)) for s in dict.fromkeys(chosen)}
        specimen.corrupted[fault] = [vectors[s] for s in chosen]
    return specimen


def run(
    files: list[str] | None = None,
    *,
    num_worlds: int = 8,
    num_graded: int = 4,
    excerpts: int = 1,
    seed: int = 0,
    output: str = "docs/results/metrics.md",
    cache: str | None = None,
    jobs: int = 2,
) -> int:
    """Test every metric against every corruption, and write a table and a heat map.

    Args:
        files: videos of your own, or folders of them.
        num_worlds: how many tabletop clips to render.
        num_graded: how many of the clips are taken through all three strengths, the others only
            through the usual one.
        excerpts: stretches of 20 frames to take of each file, where it is long enough.
        seed: of the first world and the first clip's corruptions, counting up; excerpts begin so
            many frames later in each shot. Another seed, other clips: what a rule is worth on
            clips that it was not chosen on.
        output: the Markdown file to write; the heat map lies beside it as PNG.
        cache: a file to keep the vectors in, so that a run can go on where it stopped.
        jobs: worker processes.

    Returns:
        0.
    """
    sources = [_Source(f"tabletop {s}", seed=s) for s in range(seed, seed + num_worlds)]
    for path in video_files(files) if files else []:
        sources += _excerpts(path, excerpts, seed)
    if len({source.path or source.seed for source in sources}) < 4:
        raise UserError(
            "The probe needs at least 4 worlds or files: two to fit thresholds, two to test."
        )
    specimens = _load(cache)
    for specimen in _examine_all(sources, num_graded, specimens, jobs, seed):
        specimens[specimen.name] = specimen
        _save(cache, specimens)
        print(f"{len(specimens)} of {len(sources)}: {specimen.name}", flush=True)
    write_page(summarise([specimens[source.name] for source in sources]), output, seed)
    print(Path(output).read_text())
    return 0


@dataclass(frozen=True)
class _Source:
    """Where a clip comes from: a world's seed, or a file and the frame to begin at."""

    name: str
    seed: int = 0
    path: Path | None = None
    start: int = 0

    def load(self) -> np.ndarray:
        """The frames (f h w 3) uint8."""
        if self.path is not None:
            stop = self.start + NUM_FRAMES
            return np.stack(list(islice(_small_frames(self.path), self.start, stop)))
        world = tabletop.render([self.seed], num_frames=NUM_FRAMES, size=SIZE, level=LEVEL)[0]
        return world.frames


def _examine_all(
    sources: list[_Source], num_graded: int, known: dict[str, Specimen], jobs: int, seed: int
) -> Iterator[Specimen]:
    """Specimens of the sources that are not known yet, as they get ready."""
    tasks = [
        (source, seed + number, (0, 1, 2) if number < num_graded else (1,))
        for number, source in enumerate(sources)
        if source.name not in known
    ]
    if jobs == 1:
        yield from (_examine_one(*task) for task in tasks)
        return
    with worker_pool(jobs) as pool:
        futures = [pool.submit(_examine_one, *task) for task in tasks]
        yield from (future.result() for future in as_completed(futures))


def _examine_one(source: _Source, seed: int, strengths: tuple[int, ...]) -> Specimen:
    return examine(source.name, source.load(), seed, strengths)


@dataclass(frozen=True)
class Summary:
    """What the probe learned.

    Attributes:
        num_clips: examined.
        num_sources: worlds and files that they come from, for the intervals.
        num_graded: of them, taken through all strengths.
        auc: (corruptions, metrics): probability that a corrupted clip scores higher than a clean
            one, clips drawn independently; 0.5 is blind.
        paired: the same for a clip against its own clean version.
        monotonic: the share of clips whose score moves one way as strength grows; NaN with one
            strength.
        alone: corruption -> (share found by its own name, share found at all), thresholds from
            the other half.
        compared: the same against the clean clip.
        false_alone: share of clean clips with any failure.
        false_compared: per crf, the share of re-encodes that are "worse" in any rule.
        faults: the thresholds that were fitted on all clips.
    """

    num_clips: int
    num_sources: int
    num_graded: int
    auc: np.ndarray
    paired: np.ndarray
    monotonic: np.ndarray
    alone: dict[str, tuple[float, float]]
    compared: dict[str, tuple[float, float]]
    false_alone: float
    false_compared: dict[int, float]
    faults: dict[str, Fault]


def summarise(specimens: list[Specimen]) -> Summary:
    """Turn vectors into the tables; the halves are every other world or file."""
    sources = list(dict.fromkeys(s.source for s in specimens))
    halves = [[s for s in specimens if s.source in sources[i::2]] for i in (0, 1)]
    fitted = [fit(halves[1]), fit(halves[0])]  # each half is judged by the other's thresholds
    tests = list(zip(halves, fitted, strict=True))
    clean = [(s, faults) for half, faults in tests for s in half]
    alarms = [bool(found_alone(s.clean, faults)) for s, faults in clean]
    false_compared = {
        crf: float(np.mean([bool(found_paired(s.reencoded[i], s.clean, f)) for s, f in clean]))
        for i, crf in enumerate(CLEAN_CRFS)
    }
    tables = _tables(specimens)
    return Summary(
        len(specimens),
        len(sources),
        sum(len(next(iter(s.corrupted.values()))) == len(STRENGTHS) for s in specimens),
        *tables,
        {c: _rates(c, clean, lambda v, s, f: found_alone(v, f)) for c in CORRUPTIONS},
        {c: _rates(c, clean, lambda v, s, f: found_paired(v, s.clean, f)) for c in CORRUPTIONS},
        float(np.mean(alarms)),
        false_compared,
        fit(specimens),
    )


def fit(specimens: list[Specimen], margin: float = 1.1) -> dict[str, Fault]:
    """Thresholds under which clean clips and harmless re-encodes stay.

    `margin` times the greatest value of the clean clips, and of the changes by re-encoding that are
    larger than chance makes them, all but one in twenty. Neither is ever below what ships: a
    handful of calm clips must not make the ruler nervous.
    """
    return {
        name: replace(
            fault, rules=tuple(_fit_rule(rule, specimens, margin) for rule in fault.rules)
        )
        for name, fault in FAULTS.items()
    }


def found_alone(vector: Vector, faults: dict[str, Fault]) -> set[str]:
    """Failures that a vector shows by itself, before any is explained by another."""
    return {
        name
        for name, fault in faults.items()
        if any(r.alone is not None and vector[r.metric] > r.alone for r in fault.rules)
    }


def found_paired(vector: Vector, clean: Vector, faults: dict[str, Fault]) -> set[str]:
    """Failures in which a vector is worse than the clean one, as `compare` judges."""
    changes = compare(vector, clean, faults=faults).changes
    return {change.fault for change in changes if change.direction > 0}


def auc(high: Iterable[float], low: Iterable[float]) -> float:
    """Probability that a draw from `high` exceeds one from `low`; ties count half, NaN not at all.

    0.5 where nothing is left to draw from.
    """
    a, b = (_known(values) for values in (high, low))
    if not a.size or not b.size:
        return 0.5
    return float((a[:, None] > b).mean() + 0.5 * (a[:, None] == b).mean())


def _fit_rule(rule: Rule, specimens: list[Specimen], margin: float) -> Rule:
    alone, paired = rule.alone, rule.paired
    if alone is not None:
        alone = max(alone, margin * _usual_most([s.clean[rule.metric] for s in specimens]))
    if paired is not None:
        changes = [
            compare_score("", rule, vector[rule.metric], s.clean[rule.metric])
            for s in specimens
            for vector in s.reencoded
        ]
        values = [change.value if change.clear else -np.inf for change in changes]
        paired = max(paired, margin * _usual_most(values))
    return replace(rule, alone=alone, paired=paired)


def _usual_most(values: Sequence[float]) -> float:
    """The greatest value but one in twenty, rounded up: one odd clip must not blind the ruler."""
    known = np.sort(_known(values))
    if not known.size:
        return -np.inf
    return float(known[max(0, len(known) - 1 - ceil(len(known) / 20))])


def _known(values: Iterable[float]) -> np.ndarray:
    """The values that can be told."""
    found = np.asarray(list(values), np.float64)
    return found[~np.isnan(found)]


def _rates(
    corruption: str,
    clean: list[tuple[Specimen, dict[str, Fault]]],
    find: Callable[[Vector, Specimen, dict[str, Fault]], set[str]],
) -> tuple[float, float]:
    """Share of clips whose usual corruption is found by its own name, and found at all."""
    failure = CORRUPTIONS[corruption].failure
    found = [find(_usual(s, corruption), s, faults) for s, faults in clean]
    return (
        float(np.mean([failure in names for names in found])),
        float(np.mean([bool(names) for names in found])),
    )


def _tables(specimens: list[Specimen]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shape = (len(CORRUPTIONS), len(METRICS))
    pooled, paired, monotonic = (np.full(shape, np.nan) for _ in range(3))
    for i, corruption in enumerate(CORRUPTIONS):
        stepped = [s for s in specimens if len(s.corrupted[corruption]) == len(STRENGTHS)]
        for j, metric in enumerate(METRICS):
            clean = np.array([float(s.clean[metric]) for s in specimens])
            faulty = np.array([float(_usual(s, corruption)[metric]) for s in specimens])
            pooled[i, j] = auc(faulty, clean)
            paired[i, j] = np.mean([auc([a], [b]) for a, b in zip(faulty, clean, strict=True)])
            if stepped:
                monotonic[i, j] = np.mean([_is_monotonic(s, corruption, metric) for s in stepped])
    return pooled, paired, monotonic


def _is_monotonic(specimen: Specimen, corruption: str, metric: str) -> bool:
    levels = [specimen.clean[metric], *(v[metric] for v in specimen.corrupted[corruption])]
    steps = np.diff(_known(levels))
    return bool((steps >= 0).all() or (steps <= 0).all())


def _usual(specimen: Specimen, corruption: str) -> Vector:
    levels = specimen.corrupted[corruption]
    return levels[len(levels) // 2]


def _excerpts(path: Path, count: int, later: int = 0) -> list[_Source]:
    """Up to `count` stretches of a file that do not overlap and hold no cut, evenly spread.

    The first of each shot begins `later` frames into it, or as late as it can.
    """
    frames = np.stack(list(_small_frames(path)))
    edges = [0, *find_cuts(frames), len(frames)]
    length = min(NUM_FRAMES, len(frames))
    places = [
        start
        for begin, end in zip(edges[:-1], edges[1:], strict=True)
        for start in range(
            begin + min(later, max(0, end - begin - length)), end - length + 1, length
        )
    ]
    if not places:
        raise UserError(f"{path} has no {length} frames without a cut: name a calmer file.")
    chosen = np.unique(np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(int))
    return [_Source(f"{path.name} from {places[i]}", path=path, start=places[i]) for i in chosen]


def _small_frames(path: Path) -> Iterator[np.ndarray]:
    info = clips.inspect(path)
    scale = min(1.0, SIZE / min(info.height, info.width))
    return clips.stream(path, size=(round(info.height * scale), round(info.width * scale)))


def _load(cache: str | None) -> dict[str, Specimen]:
    if cache is None or not Path(cache).exists():
        return {}
    return pickle.loads(Path(cache).read_bytes())


def _save(cache: str | None, specimens: dict[str, Specimen]) -> None:
    if cache is not None:
        storage.write_bytes(cache, pickle.dumps(specimens))
