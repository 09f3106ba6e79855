"""A tiny real run for the loop's tests: `python toy_run.py FOLDER SAMPLES MINUTES [DROPOUT]`.

MINUTES lie between two checkpoints.
"""

import sys
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import nn

from kinema.training import Loop, Position, train


class Denoise1D:
    """Learn to denoise points on a circle; dropout makes the step depend on the random state."""

    def __init__(self, fail_at: range = range(0), dropout: float = 0.1, recovers: bool = True):
        torch.manual_seed(0)
        self.network = nn.Sequential(
            nn.Linear(2, 64), nn.SiLU(), nn.Dropout(dropout), nn.Linear(64, 2)
        )
        self.fail_at, self.recovers = fail_at, recovers
        self.saved: Path | None = None

    def ready(self):
        return nullcontext()

    def loss(self, position: Position, batch_size: int, rows: slice):
        angle = 6.2832 * torch.rand(batch_size)
        x0 = torch.stack([angle.cos(), angle.sin()], dim=1)
        x = x0 + 0.3 * torch.randn_like(x0)
        loss = (self.network(x[rows]) - x0[rows]).square().mean()
        if position.step in self.fail_at and not (self.recovers and position.rollbacks):
            loss = loss * float("nan")
        return loss, {"parts": loss.item()}

    def validate(self):
        angle = torch.linspace(0, 6.2832, 64)
        x0 = torch.stack([angle.cos(), angle.sin()], dim=1)
        return {"loss": (self.network(0.9 * x0) - x0).square().mean().item()}

    def show(self, folder: Path, samples: int):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{samples}.txt").write_text("shown")

    def save(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(self.network.state_dict(), folder / "weights.pt")

    def flops(self, batch_size: int):
        return 6.0 * batch_size * 256


def toy_loop(num_samples: int, **changes) -> Loop:
    settings = {
        "num_samples": num_samples,
        "batch_size": 16,
        "learning_rate": 3e-3,
        "warmup": 160,
        "log_every": 5,
        "validate_every": 1600,
        "checkpoint_minutes": 60.0,
        "precision": "fp32",
    }
    return Loop(**{**settings, **changes})


if __name__ == "__main__":
    torch.set_num_threads(1)
    task = Denoise1D(dropout=float(sys.argv[4]) if len(sys.argv) > 4 else 0.1)
    loop = toy_loop(int(sys.argv[2]), checkpoint_minutes=float(sys.argv[3]))
    train(task, loop, Path(sys.argv[1]))
