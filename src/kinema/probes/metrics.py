"""`kinema probe metrics`: the ruler's own test. Which metric sees which fault, and which is blind?

Every clip is corrupted in every way at three strengths and re-encoded harmlessly; every metric is
taken of each. Thresholds are fitted on one half of the clips and judged on the other.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from kinema import clips
from kinema.errors import UserError
from kinema.metrics.evidence import Score
from kinema.metrics.vector import METRICS, measure
from kinema.metrics.verdicts import FAULTS, Fault, Rule
from kinema.probes.codec_faults import compress
from kinema.probes.corruptions import CORRUPTIONS
from kinema.probes.metrics_page import write_page
from kinema.worlds import tabletop

CLEAN_CRFS = (18, 23, 28)
STRENGTHS = ("mild", "usual", "strong")
NUM_FRAMES = 20
SIZE = 128  # shorter side of user clips in the probe, pixels; world clips are 96 x 96

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


def examine(name: str, frames: np.ndarray, seed: int, strengths: tuple[int, ...]) -> Specimen:
    """Corrupt a clip in every way and measure everything.

    Args:
        name: of the clip.
        frames: uint8 (f h w 3).
        seed: of the corruptions.
        strengths: indices into `STRENGTHS`.
    """
    reencoded = [_vector(compress(frames, crf)) for crf in CLEAN_CRFS]
    specimen = Specimen(name, _vector(frames), reencoded)
    for fault, corruption in CORRUPTIONS.items():
        specimen.corrupted[fault] = [
            _vector(corruption(frames, corruption.strengths[index], seed)) for index in strengths
        ]
    return specimen


def run(
    files: list[str] | None = None,
    *,
    num_worlds: int = 8,
    output: str = "docs/results/metrics.md",
    cache: str | None = None,
    quick: bool = False,
) -> int:
    """Test every metric against every corruption, and write a table and a heat map.

    Args:
        files: videos of your own, or folders of them; 20 frames of each are used.
        num_worlds: how many tabletop clips to render.
        output: the Markdown file to write; the heat map lies beside it as PNG.
        cache: a file to keep the vectors in, so that a run can go on where it stopped.
        quick: the usual strength only; otherwise the worlds are taken through all three.

    Returns:
        0.
    """
    from kinema.probes.check import _video_files

    worlds = _world_clips(num_worlds)
    sources = worlds + ([_file_clip(path) for path in _video_files(files)] if files else [])
    if len(sources) < 4:
        raise UserError("The probe needs at least 4 clips: two to fit thresholds, two to test.")
    specimens = _load(cache)
    for seed, (name, load) in enumerate(sources):
        if name not in specimens:
            strengths = (0, 1, 2) if seed < len(worlds) and not quick else (1,)
            specimens[name] = examine(name, load(), seed, strengths)
            _save(cache, specimens)
            print(f"{len(specimens)} of {len(sources)}: {name}", flush=True)
    chosen = [specimens[name] for name, _ in sources]
    write_page(summarise(chosen), output)
    print(Path(output).read_text())
    return 0


@dataclass(frozen=True)
class Summary:
    """What the probe learned.

    Attributes:
        num_clips: examined.
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
    auc: np.ndarray
    paired: np.ndarray
    monotonic: np.ndarray
    alone: dict[str, tuple[float, float]]
    compared: dict[str, tuple[float, float]]
    false_alone: float
    false_compared: dict[int, float]
    faults: dict[str, Fault]


def summarise(specimens: list[Specimen]) -> Summary:
    """Turn vectors into the tables; the halves are the even and the odd clips."""
    halves = [specimens[::2], specimens[1::2]]
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
        *tables,
        {c: _rates(c, clean, lambda v, s, f: found_alone(v, f)) for c in CORRUPTIONS},
        {c: _rates(c, clean, lambda v, s, f: found_paired(v, s.clean, f)) for c in CORRUPTIONS},
        float(np.mean(alarms)),
        false_compared,
        fit(specimens),
    )


def fit(specimens: list[Specimen], margin: float = 1.2) -> dict[str, Fault]:
    """Thresholds under which clean clips and harmless re-encodes stay.

    `alone`: `margin` times the greatest value of a clean clip but one in twenty; `paired`: `margin`
    times the 95 % quantile of the changes by re-encoding. Neither is ever below what ships: a
    handful of calm clips must not make the ruler nervous.
    """
    return {
        name: replace(
            fault, rules=tuple(_fit_rule(rule, specimens, margin) for rule in fault.rules)
        )
        for name, fault in FAULTS.items()
    }


def found_alone(vector: Vector, faults: dict[str, Fault]) -> set[str]:
    """Failures that a vector shows by itself."""
    return {
        name
        for name, fault in faults.items()
        if any(r.alone is not None and vector[r.metric] > r.alone for r in fault.rules)
    }


def found_paired(vector: Vector, clean: Vector, faults: dict[str, Fault]) -> set[str]:
    """Failures in which a vector is worse than the clean one."""
    return {
        name
        for name, fault in faults.items()
        if any(
            r.paired is not None and r.change(vector[r.metric], clean[r.metric]) > r.paired
            for r in fault.rules
        )
    }


def auc(high: Iterable[float], low: Iterable[float]) -> float:
    """Probability that a draw from `high` exceeds one from `low`; ties count half."""
    a, b = np.asarray(list(high))[:, None], np.asarray(list(low))[None]
    return float((a > b).mean() + 0.5 * (a == b).mean())


def _fit_rule(rule: Rule, specimens: list[Specimen], margin: float) -> Rule:
    alone, paired = rule.alone, rule.paired
    if alone is not None:
        values = np.sort([float(s.clean[rule.metric]) for s in specimens])
        spared = values[: len(values) - len(values) // 20]
        alone = max(alone, margin * float(spared[-1]))
    if paired is not None:
        changes = [
            rule.change(vector[rule.metric], s.clean[rule.metric])
            for s in specimens
            for vector in s.reencoded
        ]
        paired = max(paired, margin * float(np.quantile(changes, 0.95)))
    return replace(rule, alone=alone, paired=paired)


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
            paired[i, j] = np.mean(faulty > clean) + 0.5 * np.mean(faulty == clean)
            if stepped:
                monotonic[i, j] = np.mean([_is_monotonic(s, corruption, metric) for s in stepped])
    return pooled, paired, monotonic


def _is_monotonic(specimen: Specimen, corruption: str, metric: str) -> bool:
    levels = [specimen.clean[metric], *(v[metric] for v in specimen.corrupted[corruption])]
    steps = np.diff([float(level) for level in levels])
    return bool((steps >= 0).all() or (steps <= 0).all())


def _usual(specimen: Specimen, corruption: str) -> Vector:
    levels = specimen.corrupted[corruption]
    return levels[len(levels) // 2]


def _vector(frames: np.ndarray) -> Vector:
    return measure(frames)


def _world_clips(count: int) -> list[tuple[str, Callable[[], np.ndarray]]]:
    def render(seed: int) -> np.ndarray:
        return tabletop.render([seed], num_frames=NUM_FRAMES, size=96, level=2)[0].frames

    return [(f"tabletop {seed}", partial(render, seed)) for seed in range(count)]


def _file_clip(path: Path) -> tuple[str, Callable[[], np.ndarray]]:
    def load() -> np.ndarray:
        info = clips.inspect(path)
        scale = min(1.0, SIZE / min(info.height, info.width))
        size = (round(info.height * scale), round(info.width * scale))
        count = min(NUM_FRAMES, info.num_frames)
        return clips.read(path, num_frames=count, size=size).frames

    return path.name, load


def _load(cache: str | None) -> dict[str, Specimen]:
    if cache is None or not Path(cache).exists():
        return {}
    return pickle.loads(Path(cache).read_bytes())


def _save(cache: str | None, specimens: dict[str, Specimen]) -> None:
    if cache is not None:
        clips.write_bytes(cache, pickle.dumps(specimens))
