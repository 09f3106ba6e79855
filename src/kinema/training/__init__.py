"""The loop, exact resume, weight averages, and the clips that a run draws from."""

from kinema.training.checkpoint import Position, State
from kinema.training.loop import Loop, Run, Task, train
from kinema.training.meter import matrix_ceiling
from kinema.training.randomness import draw
from kinema.training.shards import Shards, Source

__all__ = [
    "Loop",
    "Position",
    "Run",
    "Shards",
    "Source",
    "State",
    "Task",
    "draw",
    "matrix_ceiling",
    "train",
]
