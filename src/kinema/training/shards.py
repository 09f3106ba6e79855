"""Training clips kept on disk in shards that a process beside training makes ahead of it.

Clip i is always the same clip: rendering is seeded and folders are listed in order. A run that
draws from the first n clips therefore sees the same data whoever made the shards and whenever.
"""

import json
import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from kinema.errors import UserError
from kinema.storage.atomic import whole_file
from kinema.storage.weights import checksum
from kinema.training.randomness import untouched
from kinema.training.waiting import telling

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


class ClipStore(Protocol):
    """Clips that are read by index: `Shards` on disk, or `kinema.training.kept.KeptClips`."""

    def __len__(self) -> int:
        """How many clips there are."""

    def making(self) -> AbstractContextManager[None]:
        """A block within which clips are made ahead, if any are."""

    def read(self, indices: Iterable[int]) -> tuple[dict[str, Tensor], list[str]]:
        """The clips at `indices`: tensors of as many rows, and their captions."""


class Shard(NamedTuple):
    """An open file of clips."""

    path: Path  # where it lies
    file: Any  # memory-mapped, so that rows are read on demand
    captions: list[str]  # one a clip
    # of every tensor, one a clip; none in a file of an earlier version
    checksums: dict[str, list[int]]

    @classmethod
    def open(cls, path: Path) -> "Shard":
        """Open a file that `make_shard` wrote; raise a UserError if it is damaged."""
        try:
            file = safe_open(path, "pt").__enter__()
            metadata = {name: json.loads(text) for name, text in file.metadata().items()}
            return cls(path, file, metadata["captions"], metadata.get("checksums", {}))
        except (SafetensorError, ValueError, KeyError, AttributeError, OSError) as error:
            raise UserError(damaged(path, str(error))) from None

    def row(self, number: int) -> dict[str, Tensor]:
        """The tensors of one clip; raise a UserError if one of them differs from its checksum."""
        tensors = {name: self.file.get_slice(name)[number] for name in self.file.keys()}  # noqa: SIM118
        for name, sums in self.checksums.items():
            if checksum(tensors[name]) != sums[number]:
                raise UserError(damaged(self.path, f"{name} of clip {number} has changed"))
        return tensors


def damaged(path: Path, reason: str) -> str:
    return f"{path} is damaged ({reason}): delete the file, and it is made again."


@dataclass
class Shards:
    """The clips of a source, made once and read many times."""

    source: Source  # what makes the clips
    cache: Path  # folder for the shards of all sources; this one's lie in `cache/source.name`
    workers: int = 1  # processes beside training; 0 makes missing shards in this process, on demand
    opened: dict[int, Shard] = field(default_factory=dict, repr=False)
    pool: list = field(default_factory=list, repr=False)

    def __len__(self) -> int:
        return self.source.num_clips

    @property
    def folder(self) -> Path:
        return Path(self.cache) / self.source.name

    @contextmanager
    def making(self) -> Iterator[None]:
        """Within the block, processes make the missing shards, lowest first.

        Of several processes that train together, only the leading one starts them. What they have
        made stays.
        """
        try:
            if not int(os.environ.get("RANK", 0)):
                self.start()
            yield
        finally:
            for process in self.pool:
                process.terminate()
                process.join()
            self.pool.clear()

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        context = multiprocessing.get_context("spawn")
        for worker in range(self.workers):
            process = context.Process(
                target=make_all, args=(self.source, self.folder, worker, self.workers), daemon=True
            )
            process.start()
            self.pool.append(process)

    @torch.autocast("cpu", enabled=False)  # which cannot stack halves
    def read(self, indices: Iterable[int]) -> tuple[dict[str, Tensor], list[str]]:
        """The clips at `indices`, waiting for those that are still being made.

        Raises:
            UserError: if a process beside training died, or a shard is damaged.
        """
        rows: list[dict[str, Tensor]] = []
        captions = []
        for index in indices:
            number, row = divmod(int(index), SHARD_SIZE)
            shard = self.shard(number)
            rows.append(shard.row(row))
            captions.append(shard.captions[row])
        return {name: torch.stack([r[name] for r in rows]) for name in rows[0]}, captions

    def shard(self, number: int) -> Shard:
        if number not in self.opened:
            path = shard_path(self.folder, number)
            if not path.exists():
                with telling(self.progress):
                    self.wait_for(path, number)
            self.opened[number] = Shard.open(path)
        return self.opened[number]

    def progress(self) -> str:
        made, shards = len(list(self.folder.glob("*.safetensors"))), -(-len(self) // SHARD_SIZE)
        return f"Making clips in {self.folder}: {made} of {shards} files of {SHARD_SIZE} are there."

    def wait_for(self, path: Path, number: int) -> None:
        while not path.exists():
            if not self.workers:
                self.folder.mkdir(parents=True, exist_ok=True)
                make_shard(self.source, self.folder, number)
            elif any(process.exitcode not in (None, 0) for process in self.pool):
                raise UserError(
                    f"A process that makes clips for {self.folder} died: free memory or disk space "
                    "there and start the run again; it resumes where it was."
                )
            else:
                time.sleep(0.05)


def num_ready(samples: int, num_clips: int, first: int = 1_024, fresh: float = 0.1) -> int:
    """How many clips a run draws from after `samples`: so many must have been made by then.

    The pool grows with the run and not with the clock, so that runs are reproducible: `first` clips
    before the run begins, and then `fresh` ones for each clip seen.
    """
    return min(num_clips, first + int(fresh * samples))


def make_all(source: Source, folder: Path, worker: int, workers: int) -> None:
    """Make every `workers`-th missing shard; end with the training, even a killed one."""
    torch.set_num_threads(1)
    training = multiprocessing.parent_process()
    for number in range(worker, -(-source.num_clips // SHARD_SIZE), workers):
        if training is not None and not training.is_alive():
            return
        if not shard_path(folder, number).exists():
            make_shard(source, folder, number)


def make_shard(source: Source, folder: Path, number: int) -> None:
    """Make one shard; two runs may make the same one at the same time."""
    first = number * SHARD_SIZE  # shards are always full: another num_clips finds the same files
    with untouched():
        tensors, captions = source.make(list(range(first, first + SHARD_SIZE)))
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    sums = {name: [checksum(row) for row in tensor] for name, tensor in tensors.items()}
    kept = {"captions": json.dumps(captions), "checksums": json.dumps(sums)}
    with whole_file(shard_path(folder, number)) as partial:
        save_file(tensors, partial, kept)


def shard_path(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}.safetensors"
