"""Training clips kept on disk in shards that a process beside training makes ahead of it.

Clip i is always the same clip: rendering is seeded and folders are listed in order. A run that
draws from the first n clips therefore sees the same data whoever made the shards and whenever.
"""

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from kinema.errors import UserError
from kinema.storage import whole_file
from kinema.training.checkpoint import Position

SHARD_SIZE = 64


class Source(Protocol):
    """Makes clips by index: tensors with one row a clip, and a caption each.

    A source must be picklable (it travels to the process beside training) and pure: the same
    indices give the same clips. `name` tells two different sources apart on disk.
    """

    @property
    def name(self) -> str:
        """Of the folder of its shards."""

    @property
    def num_clips(self) -> int:
        """How many clips there are."""

    def make(self, indices: list[int]) -> tuple[dict[str, Tensor], list[str]]:
        """Tensors of shape (len(indices), ...) under their names, and the captions."""


@dataclass
class Shards:
    """The clips of a source, made once and read many times.

    Args:
        source: what makes the clips.
        cache: folder for the shards of all sources; this one's lie in `cache/source.name`.
        workers: processes beside training; 0 makes missing shards in this process, on demand.
    """

    source: Source
    cache: Path
    workers: int = 1
    _open: dict[int, tuple] = field(default_factory=dict, repr=False)
    _pool: list = field(default_factory=list, repr=False)

    def __len__(self) -> int:
        return self.source.num_clips

    @property
    def folder(self) -> Path:
        return Path(self.cache) / self.source.name

    def start(self) -> None:
        """Start the processes that make the missing shards, lowest first.

        Of several processes that train together, only the leading one starts them.
        """
        if int(os.environ.get("RANK", 0)):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        context = multiprocessing.get_context("spawn")
        for worker in range(self.workers):
            process = context.Process(
                target=_make_all, args=(self.source, self.folder, worker, self.workers), daemon=True
            )
            process.start()
            self._pool.append(process)

    def stop(self) -> None:
        """Stop the processes; what they have made stays."""
        for process in self._pool:
            process.terminate()
            process.join()
        self._pool.clear()

    @torch.autocast("cpu", enabled=False)  # which cannot stack halves
    def read(self, indices: Iterable[int]) -> tuple[dict[str, Tensor], list[str]]:
        """The clips at `indices`, waiting for those that are still being made.

        Raises:
            UserError: if a process beside training died.
        """
        rows: list[dict[str, Tensor]] = []
        captions = []
        for index in indices:
            file, texts = self._shard(int(index) // SHARD_SIZE)
            row = int(index) % SHARD_SIZE
            rows.append({name: file.get_slice(name)[row] for name in file.keys()})  # noqa: SIM118
            captions.append(texts[row])
        return {name: torch.stack([r[name] for r in rows]) for name in rows[0]}, captions

    def _shard(self, number: int) -> tuple:
        if number not in self._open:
            path = _shard_path(self.folder, number)
            self._wait_for(path, number)
            file = safe_open(path, "pt").__enter__()  # memory-mapped: rows are read on demand
            self._open[number] = (file, json.loads(file.metadata()["captions"]))
        return self._open[number]

    def _wait_for(self, path: Path, number: int) -> None:
        told = time.monotonic()
        while not path.exists():
            if self._pool and time.monotonic() - told > 10:
                made, told = len(list(self.folder.glob("*.safetensors"))), time.monotonic()
                shards = -(-len(self) // SHARD_SIZE)
                print(f"making clips: {made} of {shards} shards", file=sys.stderr, flush=True)
            if not self.workers:
                self.folder.mkdir(parents=True, exist_ok=True)
                _make_shard(self.source, self.folder, number)
            elif any(p.exitcode not in (None, 0) for p in self._pool):
                raise UserError(
                    f"a process that makes clips for {self.folder} died; free memory or disk space"
                    " there and start the run again: it resumes where it was"
                )
            else:
                time.sleep(0.05)


def draw(seed: int, position: Position, batch_size: int, num_ready: int) -> np.ndarray:
    """Indices of a step's clips: uniform over the first `num_ready`, a function of the position."""
    again = (position.rollbacks,) if position.rollbacks else ()
    rng = np.random.default_rng((seed, position.step, *again))
    return rng.integers(0, num_ready, batch_size)


def _make_all(source: Source, folder: Path, worker: int, workers: int) -> None:
    """What a process beside training does; it ends with the training, even a killed one."""
    torch.set_num_threads(1)
    training = multiprocessing.parent_process()
    for number in range(worker, -(-source.num_clips // SHARD_SIZE), workers):
        if training is not None and not training.is_alive():
            return
        if not _shard_path(folder, number).exists():
            _make_shard(source, folder, number)


def _make_shard(source: Source, folder: Path, number: int) -> None:
    first = number * SHARD_SIZE  # shards are always full: another num_clips finds the same files
    tensors, captions = source.make(list(range(first, first + SHARD_SIZE)))
    path = _shard_path(folder, number)
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with whole_file(path) as staged:  # two runs may make the same shard
        save_file(contiguous, staged, {"captions": json.dumps(captions)})


def _shard_path(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}.safetensors"
