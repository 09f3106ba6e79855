"""A source of clips that costs nothing, for the tests of shards."""

from dataclasses import dataclass

import torch


@dataclass
class Squares:
    """Clip i is the number i squared."""

    num_clips: int = 150
    name: str = "squares"
    dies: bool = False
    rolls: bool = False

    def make(self, indices):
        if self.rolls:  # as a codec does that is built to encode clips
            torch.rand(5)
        if self.dies:
            raise MemoryError
        return {"value": torch.tensor(indices) ** 2}, [f"clip {i}" for i in indices]
