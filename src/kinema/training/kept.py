"""Training clips kept in memory, each made when it is first asked for.

On a large GPU a clip is rendered and encoded faster than a process beside training could do it,
and the latents of all clips fit into its memory. `Shards` do the same through files.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor

from kinema.training.randomness import untouched
from kinema.training.shards import Source


@dataclass
class KeptClips:
    """The clips of a source, in the place of `Shards`."""

    source: Source  # what makes the clips
    rows: dict[int, tuple[dict[str, Tensor], str]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return self.source.num_clips

    def making(self) -> AbstractContextManager[None]:
        """Nothing is made ahead."""
        return nullcontext()

    def read(self, indices: Iterable[int]) -> tuple[dict[str, Tensor], list[str]]:
        """The clips at `indices`: tensors of as many rows, and their captions."""
        wanted = [int(index) for index in indices]
        missing = sorted(set(wanted) - self.rows.keys())
        if missing:
            with untouched():
                tensors, captions = self.source.make(missing)
            for row, (index, caption) in enumerate(zip(missing, captions, strict=True)):
                self.rows[index] = {name: one[row] for name, one in tensors.items()}, caption
        chosen = [self.rows[index] for index in wanted]
        stacked = {name: torch.stack([row[name] for row, _ in chosen]) for name in chosen[0][0]}
        return stacked, [caption for _, caption in chosen]
