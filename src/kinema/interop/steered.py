"""Networks of diffusers as networks of ours: (x: b c f h w, t: b f, conditions) -> output.

One row is called at a time, each with what the official pipeline prepared for it: a row of a batch
is that row alone, and pipelines that know one video only serve batches too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from kinema.errors import UserError
from kinema.interop.capture import Call
from kinema.interop.families import Family
from kinema.interop.schedules import Schedule


class Experts(nn.Module):
    """The denoising networks of a pipeline: one, or two for high and for low noise (Wan 2.2).

    Args:
        networks: of one class, that for high noise first.
        family: the row of their class.
        has_frame_times: whether they know a time for every frame.
        boundary: what the one for high noise is told at least.
    """

    is_causal = can_forget = False  # they see a window whole, and nothing before it
    chunk = 1

    def __init__(
        self,
        networks: Sequence[nn.Module],
        family: Family,
        has_frame_times: bool,
        boundary: float = -1.0,
    ) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.family, self.has_frame_times, self.boundary = family, has_frame_times, boundary

    def forward(self, x: Tensor, told: Tensor, call: Call) -> Tensor:
        """Return the output for one row.

        Args:
            x: 1 c f h w.
            told: what the networks are told of the time of each frame, (1, f).
            call: everything else.

        Raises:
            UserError: for times that differ from frame to frame, if the networks know only one, and
                for a size that the pipeline would have cut.
        """
        family, (c, f, h, w) = self.family, x.shape[1:]
        is_noisier = float(told.max()) >= self.boundary
        network: Any = self.networks[0 if is_noisier else -1]
        inputs = {family.x: self.latents(x, call), family.t: self.times(told, x.shape)}
        output = network(**inputs, **call.arguments, return_dict=False)[0]
        output = rearrange(output, f"{family.layout} -> b c f h w", f=f, h=h, w=w)
        return family.sign * output[:, :c]  # some predict a variance too, behind it

    def latents(self, x: Tensor, call: Call) -> Tensor:
        """Return x in the layout of the networks, before the channels that condition it."""
        layout = self.family.layout
        x = rearrange(x.to(call.x.dtype), f"b c f h w -> {layout}")
        axis = layout.replace("(f h w)", "n").split().index("c")
        behind = call.x.narrow(axis, x.shape[axis], call.x.shape[axis] - x.shape[axis])
        joined = torch.cat([x, behind], dim=axis) if behind.shape[axis] else x
        if joined.shape != call.x.shape:
            raise UserError(
                f"The pipeline makes latents of {tuple(call.x.shape)} where {tuple(joined.shape)} "
                "are asked for: take a size and a length that it need not round."
            )
        return joined

    def times(self, told: Tensor, shape: torch.Size) -> Tensor:
        """Return times per frame, (1, f), as the networks take them."""
        if self.has_frame_times:
            return self.family.frame_times(told, shape)
        if (told != told[:, :1]).any():
            raise UserError(
                "This network knows one time for all frames, and the plan has several: take a "
                "strategy of windows, such as sliding."
            )
        return told[:, 0]


@dataclass(frozen=True)
class Steered:
    """Experts with everything but x and t filled in, one call a row."""

    experts: Experts
    calls: Sequence[Call]
    schedule: Schedule

    def __call__(self, x: Tensor, t: Tensor, conditions: Any = None) -> Tensor:
        """Return the output for x (b c f h w) at times t (b f): b c f h w."""
        told = self.schedule.timesteps(t)
        rows = zip(x.split(1), told.split(1), self.calls, strict=True)
        return torch.cat([self.experts(*row) for row in rows])
