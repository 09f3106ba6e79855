"""How each network class of diffusers is called, one row a class: FAMILIES.

Everything else (prompts, masks, rotary tables, pictures, the schedule) is what the official
pipeline of the class gives its network, see `capture`. A row says only what a call cannot show:
the order of the axes, the names of x and t, and whether the network knows a time for every frame.

Axes: b batch (always 1), c channels, f frames, h height, w width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kinema.errors import UserError, nearest


def never(pipe: Any) -> bool:
    return False


def always(pipe: Any) -> bool:
    return True


@dataclass(frozen=True)
class Family:
    """One network class of diffusers."""

    layout: str = "b c f h w"  # the axes of x and of the output, as einops writes them
    x: str = "hidden_states"  # what its forward calls the noised latents
    t: str = "timestep"  # and the time
    # whether the networks of a pipeline were trained with a time for every frame
    has_frame_times: Callable[[Any], bool] = never
    # times per frame (1, f), for latents (1, c, f, h, w) -> as such a network takes them
    frame_times: Callable[[Tensor, torch.Size], Tensor] = lambda times, shape: times
    patch: int = 2  # latents along height and width that it takes together
    fps: float = 8.0  # frames per second in training, where its pipeline does not say
    sign: int = 1  # -1: the output is the negative of what the scheduler's prediction is
    # (guidance scale, latent frames) -> what multiplies cond - uncond, a number or b c f h w
    contrast: Callable[[float, int], float | Tensor] = lambda scale, frames: scale


def per_token(patch: int) -> Callable[[Tensor, torch.Size], Tensor]:
    """Repeat the time of a frame for each of its patches."""

    def frame_times(times: Tensor, shape: torch.Size) -> Tensor:
        return times.repeat_interleave((shape[3] // patch) * (shape[4] // patch), dim=1)

    return frame_times


def rising(scale: float, frames: int) -> Tensor:
    """Guide the first frame not at all, and the last one in full."""
    return torch.linspace(1, scale, frames).view(1, 1, -1, 1, 1)


FAMILIES: dict[str, Family] = {
    "WanTransformer3DModel": Family(
        has_frame_times=lambda pipe: pipe.config.expand_timesteps,
        frame_times=per_token(2),
        fps=16.0,
    ),
    "WanVACETransformer3DModel": Family(fps=16.0),
    "SkyReelsV2Transformer3DModel": Family(
        has_frame_times=lambda pipe: "DiffusionForcing" in type(pipe).__name__, fps=24.0
    ),
    "LTXVideoTransformer3DModel": Family(
        layout="b (f h w) c", has_frame_times=always, frame_times=per_token(1), patch=1
    ),
    "CogVideoXTransformer3DModel": Family(layout="b f c h w"),
    "HunyuanVideoTransformer3DModel": Family(fps=24.0),
    "MochiTransformer3DModel": Family(sign=-1, fps=30.0),
    "AllegroTransformer3DModel": Family(fps=15.0),
    "LatteTransformer3DModel": Family(),
    "UNetSpatioTemporalConditionModel": Family(
        layout="b f c h w", x="sample", contrast=rising, patch=8
    ),
    "UNetMotionModel": Family(x="sample", patch=8),
    "UNet3DConditionModel": Family(x="sample", patch=8),
}
"""Class of diffusers -> what is its own."""


def family_of(network: str) -> Family:
    """Return the row of a network class.

    Raises:
        UserError: if the table has none.
    """
    if network not in FAMILIES:
        raise UserError(
            f"There is no row for the network class {network!r} in kinema.interop.families; "
            f"{nearest(network, [*FAMILIES])}"
        )
    return FAMILIES[network]
