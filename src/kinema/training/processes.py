"""Several processes that train one network: each takes its share of the rows of every step.

    torchrun --nproc-per-node 2 --no-python kinema train tabletop

Every process draws the whole step's randomness and keeps its rows, so that two processes take the
step that one would take, to rounding. (Not so a codec in training, which draws from the
distribution of its latents: each process for its own rows.)
"""

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from kinema.errors import UserError


@dataclass(frozen=True)
class Processes:
    """The processes of a run, as torchrun started them; alone without torchrun."""

    rank: int = 0  # this process's number
    size: int = 1  # how many there are

    @classmethod
    def join(cls, device: str) -> "Processes":
        """Join the processes that torchrun started, or none."""
        if "WORLD_SIZE" not in os.environ:
            return cls()
        if not dist.is_initialized():
            dist.init_process_group("gloo" if device == "cpu" else "nccl")
        if device != "cpu":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def leads(self) -> bool:
        """Whether this process writes, validates and speaks."""
        return self.rank == 0

    def rows(self, batch_size: int) -> slice:
        """This process's share of a batch.

        Raises:
            UserError: if the batch cannot be shared evenly.
        """
        if batch_size % self.size:
            raise UserError(
                f"A batch_size of {batch_size} cannot be shared evenly by {self.size} processes: "
                f"use a multiple of {self.size}."
            )
        return slice(self.rank, None, self.size)

    def average(self, tensors: list[Tensor]) -> None:
        """Replace tensors by their means over the processes, all in one message."""
        if self.size == 1:
            return
        flat = torch.cat([t.reshape(-1).float() for t in tensors])
        dist.all_reduce(flat)
        flat /= self.size
        for tensor, mean in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(mean.view(tensor.shape))

    def average_gradients(self, network: nn.Module) -> None:
        """Average the gradients; a parameter without one counts as zero everywhere."""
        if self.size == 1:
            return
        parameters = [p for p in network.parameters() if p.requires_grad]
        for p in parameters:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        self.average([p.grad for p in parameters])

    def wait(self) -> None:
        """Return when every process has come here."""
        if self.size > 1:
            dist.barrier()
