"""Optimizers and the learning-rate schedule."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

OPTIMIZERS = ("adamw", "muon")
HIDDEN = ("blocks.", "layers.", "down.", "up.")  # where networks keep their stacks


def learning_rate_factor(samples: int, num_samples: int, warmup: int, decay_share: float) -> float:
    """Warm-up, plateau, linear decay to zero (WSD; Hu et al. 2024, MiniCPM), a factor in [0, 1].

    The plateau does not know when the run ends, so a run can be lengthened before it decays.
    All but `decay_share`, the last share of the run, are counted in clips.
    """
    rise = min(1.0, (samples + 1) / max(1, warmup))
    fall = min(1.0, (num_samples - samples) / max(1.0, decay_share * num_samples))
    return max(0.0, min(rise, fall))


class Muon(torch.optim.Optimizer):
    """Momentum whose direction is orthogonalized, for matrices and convolutions (Jordan 2024).

    torch.optim.Muon takes matrices only; here a convolution is the matrix (out, in * kernel).
    The update is scaled to AdamW's size (Moonlight, Liu 2025, Equation 4). Weight decay is
    decoupled; `momentum` is the share of the earlier gradients that stays; directions are
    orthogonalized in `dtype`.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        dtype: torch.dtype = torch.float32,
    ):
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})
        self.momentum, self.dtype = momentum, dtype

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step on every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, group["lr"], group["weight_decay"])

    def _update(self, p: nn.Parameter, rate: float, weight_decay: float) -> None:
        state = self.state[p]
        if not state:
            state["momentum"] = torch.zeros_like(p)
        momentum = state["momentum"].lerp_(p.grad, 1 - self.momentum)
        direction = torch.lerp(p.grad, momentum, self.momentum).flatten(1)  # Nesterov's look ahead
        size = 0.2 * max(direction.shape) ** 0.5
        p.mul_(1 - rate * weight_decay)
        direction = orthogonalized(direction, self.dtype)
        p.add_(direction.view(p.shape), alpha=-rate * size)


def orthogonalized(matrix: Tensor, dtype: torch.dtype = torch.float32, steps: int = 5) -> Tensor:
    """The nearest matrix with singular values of about 1, by a quintic Newton-Schulz iteration.

    It is computed in `dtype`; bf16 is precise enough.
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.t()
    x = (wide / (wide.norm() + 1e-7)).to(dtype)
    for _ in range(steps):
        square = x @ x.t()
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return (x if wide is matrix else x.t()).to(matrix.dtype)


def make_optimizers(
    network: nn.Module,
    name: str,
    learning_rate: float,
    weight_decay: float,
    adamw_share: float,
    dtype: torch.dtype = torch.float32,
) -> list[torch.optim.Optimizer]:
    """AdamW on everything, or Muon on hidden matrices and convolutions and AdamW on the rest.

    Embeddings, first and last layers and all vectors stay with AdamW, at `adamw_share` of the
    rate. Each group carries its peak rate as `peak`, for the schedule. `dtype` is Muon's.
    """
    parameters = [(n, p) for n, p in network.named_parameters() if p.requires_grad]
    matrices = [(n, p) for n, p in parameters if p.ndim >= 2 and min(p.shape[:2]) >= 32]
    stacked = [p for n, p in matrices if any(place in n for place in HIDDEN)]
    hidden = stacked if name == "muon" else []
    taken = {id(p) for p in hidden}
    rest = [p for _, p in parameters if id(p) not in taken]
    rate = learning_rate * (adamw_share if name == "muon" else 1.0)
    groups = [
        {"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, rate, betas=(0.9, 0.99), fused=True)
    ]
    if hidden:
        optimizers.append(Muon(hidden, learning_rate, weight_decay, dtype=dtype))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers
