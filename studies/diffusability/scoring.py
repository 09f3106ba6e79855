"""Scores of decoded samples, which may be compared from codec to codec; flow losses may not.

Kernel distances of motion, change and appearance (`kinema distance`) between samples and true
clips, and the share of prompts that the judge finds followed. The round trip of true clips through
the codec is the ceiling, decoded noise the baseline.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from kinema.judges import tabletop as judge
from kinema.judges.tabletop.scoring import TOTAL_QUESTIONS, Share, is_right
from kinema.metrics.evidence import observe
from kinema.metrics.features.distances import FEATURES, squared_mmd, standardized
from kinema.worlds import WorldClip, tabletop

NUM_HALVES = 200
Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def features_of(clips: np.ndarray) -> dict[str, np.ndarray]:
    """Measure clips (n f h w 3): returns (n d) of each kind of features."""
    evidence = [observe(frames) for frames in clips]
    return {name: np.stack([f(e) for e in evidence]) for name, f in FEATURES.items()}


def distances(
    rows: Mapping[Name, Sequence[np.ndarray]], reference: np.ndarray
) -> dict[Name, tuple[Estimate, list[float]]]:
    """Return each row's kernel distance to the reference, times 1000, and that of every seed.

    The interval is that of random halves of the captions and of the reference, and of seeds drawn
    anew: the spread over halves is the spread over sets of the whole size (half-sampling, McCarthy
    1969), and no clip is drawn twice, which would bias the distance. All rows share their halves.

    Args:
        rows: (n d) for each seed; row i of all of them belongs to caption i.
        reference: (m d) of true clips of other scenes.
    """
    generator = np.random.default_rng(0)
    count = min(len(sets[0]) for sets in rows.values())
    halves = [
        (
            generator.permutation(count)[: count // 2],
            generator.permutation(len(reference))[: len(reference) // 2],
            generator.random(64),
        )
        for _ in range(NUM_HALVES)
    ]
    found = {}
    for name, sets in rows.items():
        pairs = [standardized(features, reference) for features in sets]
        seeds = [1e3 * squared_mmd(a, b) for a, b in pairs]
        drawn = []
        for some, others, luck in halves:
            chosen = [pairs[int(x * len(pairs))] for x in luck[: len(pairs)]]
            drawn.append(np.mean([1e3 * squared_mmd(a[some], b[others]) for a, b in chosen]))
        low, high = np.quantile(drawn, [0.025, 0.975])
        found[name] = Estimate(float(np.mean(seeds)), float(low), float(high)), seeds
    return found


def followed(clips: Sequence[np.ndarray], asked: Sequence[WorldClip], fps: float) -> Share:
    """Count the clips in which the judge finds all that the caption asks for.

    Args:
        clips: (n f h w 3) of each seed.
        asked: the n scenes whose captions were the prompts.
        fps: frames per second.
    """
    network, right = judge.load(), []
    answers = [
        judge.true_answers(tabletop.Attributes.from_json(scene.attributes)) for scene in asked
    ]
    for frames in clips:
        read = judge.read(network, list(frames), fps)
        right += [is_right(r, a, TOTAL_QUESTIONS) for r, a in zip(read, answers, strict=True)]
    return Share(sum(right), len(right))
