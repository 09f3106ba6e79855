"""A clip, all that is made of it, and what every metric says of each; kept from run to run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kinema.checks.reading import worker_pool
from kinema.errors import UserError
from kinema.metrics.evidence import Score
from kinema.metrics.vector import measure
from kinema.storage import write_bytes
from studies.ruler.codec_faults import compress
from studies.ruler.corruptions import CORRUPTIONS
from studies.ruler.sources import Source

CLEAN_CRFS = (18, 23, 28)
STRENGTHS = ("mild", "usual", "strong")

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


def examine_all(
    sources: list[Source], num_graded: int, known: dict[str, Specimen], jobs: int, seed: int
) -> Iterator[Specimen]:
    """Yield specimens of the sources that are not known yet, as they get ready."""
    tasks = [
        (source, seed + number, (0, 1, 2) if number < num_graded else (1,))
        for number, source in enumerate(sources)
        if source.name not in known
    ]
    if jobs == 1:
        yield from (examine_one(*task) for task in tasks)
        return
    with worker_pool(jobs) as pool:
        futures = [pool.submit(examine_one, *task) for task in tasks]
        yield from (future.result() for future in as_completed(futures))


def examine_one(source: Source, seed: int, strengths: tuple[int, ...]) -> Specimen:
    return examine(source.name, source.load(), seed, strengths)


# ---- kept in a file -----------------------------------------------------------------------------


def load_specimens(cache: str | None) -> dict[str, Specimen]:
    """Read the specimens of an earlier run, by name; none if there is no file.

    Raises:
        UserError: if the file holds something else.
    """
    if cache is None or not Path(cache).exists():
        return {}
    try:
        rows = json.loads(Path(cache).read_text())
        return {row["name"]: specimen_of(row) for row in rows}
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{cache} holds no vectors of the ruler: move it away.") from error


def save_specimens(cache: str | None, specimens: dict[str, Specimen]) -> None:
    """Write specimens as JSON, a line each; nothing if no file is named."""
    if cache is not None:
        rows = [json.dumps(row_of(specimen)) for specimen in specimens.values()]
        write_bytes(cache, ("[\n" + ",\n".join(rows) + "\n]\n").encode())


def row_of(specimen: Specimen) -> dict[str, Any]:
    """Return a specimen as JSON values; a score is its value, its error and its curve."""

    def told(vector: Vector) -> dict[str, Any]:
        return {name: [float(s), s.error, s.curve.tolist()] for name, s in vector.items()}

    return {
        "name": specimen.name,
        "clean": told(specimen.clean),
        "reencoded": [told(vector) for vector in specimen.reencoded],
        "corrupted": {n: [told(v) for v in vectors] for n, vectors in specimen.corrupted.items()},
    }


def specimen_of(row: dict[str, Any]) -> Specimen:
    """Return the specimen that `row_of` wrote."""

    def read(vector: dict[str, Any]) -> Vector:
        return {
            name: Score(value, np.array(curve), error)
            for name, (value, error, curve) in vector.items()
        }

    corrupted = {name: [read(v) for v in vectors] for name, vectors in row["corrupted"].items()}
    return Specimen(row["name"], read(row["clean"]), [read(v) for v in row["reencoded"]], corrupted)
