"""Scenes that no training run draws."""

from collections.abc import Iterable

from rich.progress import track

from kinema.worlds import Rendering, WorldClip, tabletop

FIRST_SEED = 2_000_000_000
"""The first scene that a probe or a study makes; training counts up from 0."""


def unseen(count: int, block: int = 0, offset: int = 0) -> list[int]:
    """Return the seeds of a block of `count` scenes; no two blocks share one."""
    first = FIRST_SEED + offset + block * count
    return list(range(first, first + count))


def tabletop_clips(seeds: Iterable[int], rendering: Rendering, doing: str) -> list[WorldClip]:
    """Render tabletop clips one after another, under a bar that tells what is done."""
    return [tabletop.render([seed], rendering)[0] for seed in track(seeds, doing, transient=True)]
