"""What a recipe will take in memory and time, for batches of several sizes, before step 1.

Memory is what the process holds, gradients, the optimizer's two moments and the weight averages,
and the activations of a batch: counted for one clip and for two, and linear in them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from kinema.blocks.precision import computing_in, dtype_of
from kinema.budget.generation import clock, duration, gigabytes
from kinema.budget.memory import ALLOCATOR, held_bytes, peak_bytes
from kinema.training import Loop

MOMENTS = 2  # of the optimizer, each as large as the weights (Muon has one)


class Rehearsal(Protocol):
    """A task that can compute its loss without data."""

    network: nn.Module

    def rehearse(self, batch_size: int) -> Tensor:
        """The loss of a batch of empty clips of the recipe's shape."""
        ...


@dataclass
class TrainingPlan:
    """A run to come."""

    fixed: float  # bytes that do not depend on the batch
    per_clip: float  # bytes for each clip in a batch
    seconds_per_clip: float  # of a training step
    loop: Loop  # of the run

    def bytes(self, batch_size: int) -> float:
        return self.fixed + batch_size * self.per_clip

    def largest_batch(self, memory: float) -> int:
        """The most clips a batch can hold in `memory` bytes; 0: not even one."""
        return max(int((memory - self.fixed) // self.per_clip), 0)

    @property
    def seconds(self) -> float:
        """Of the whole run."""
        return self.loop.num_samples * self.seconds_per_clip


def plan_training(task: Rehearsal, loop: Loop) -> TrainingPlan:
    """Rehearse a training step of a task."""
    dtype_of(loop.precision, loop.device)  # "auto" is measured on products that have memory
    parameters = list(task.network.to(loop.device).parameters())
    one = ALLOCATOR * peak_bytes(lambda: step(task, loop, 1), parameters)
    two = ALLOCATOR * peak_bytes(lambda: step(task, loop, 2), parameters)
    weights = sum(p.numel() * p.element_size() for p in parameters)
    kept = (MOMENTS + len(loop.averages)) * weights  # the gradients are in the step's peak
    step(task, loop, 2)  # the first prepares kernels
    device = torch.device(loop.device)
    began = clock(device)
    step(task, loop, 2)
    seconds = (clock(device) - began) / 2
    per_clip = two - one
    fixed = held_bytes(device) + kept + one - per_clip
    return TrainingPlan(fixed, per_clip, seconds, loop)


def step(task: Rehearsal, loop: Loop, batch_size: int) -> None:
    """Forward and backward."""
    with computing_in(loop.precision, loop.device):
        loss = task.rehearse(batch_size)
    trained = [p for p in task.network.parameters() if p.requires_grad]
    torch.autograd.grad(loss, trained, allow_unused=True)


def rows(plan: TrainingPlan, batch_sizes: Sequence[int], memory: float) -> list[list[str]]:
    """A header and a row for every size of a batch."""
    table = [["batch", "memory", "time of the run", "fits"]]
    for size in batch_sizes:
        need = plan.bytes(size)
        fits = "yes" if need <= memory else "no"
        table.append([str(size), gigabytes(need), duration(plan.seconds), fits])
    return table


def advice(plan: TrainingPlan, memory: float) -> str:
    """What to change so that the run fits into `memory` bytes."""
    wanted, most = plan.loop.batch_size, plan.largest_batch(memory)
    if most >= wanted:
        return f"A batch of {wanted} fits into {gigabytes(memory)}; {most} would."
    if most:
        return (
            f"A batch of {wanted} does not fit into {gigabytes(memory)}: use "
            f"--loop.batch-size {most}."
        )
    return (
        f"Not even one clip fits into {gigabytes(memory)}: {gigabytes(plan.bytes(1))} are needed; "
        "choose shorter or smaller clips, or a smaller network."
    )
