"""The contract of all denoisers, which is all that sampling and video know of a network."""

from dataclasses import replace
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor, nn

from kinema.blocks.cache import Cache
from kinema.conditions import Conditions, Port
from kinema.errors import UserError


@runtime_checkable
class Denoiser(Protocol):
    """A network of videos: (x: b c f h w, t: b f, conditions) -> b c f h w.

    It knows no schedule: it predicts whatever it was trained to predict.
    """

    @property
    def config(self) -> Any:
        """What the network is: the dataclass that it was made of."""
        ...

    @property
    def is_causal(self) -> bool:
        """Whether no frame sees a later one, so that a cache can hold the past."""
        ...

    @property
    def chunk(self) -> int:
        """Frames are fed to a cache in multiples of this."""
        ...

    @property
    def can_forget(self) -> bool:
        """Whether a cache can drop frames: each has entries of its own."""
        ...

    def forward(
        self, x: Tensor, t: Tensor, conditions: Conditions | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Predict from noisy frames; `DiT.forward` says what the arguments are."""
        ...


def check_cache(denoiser: Denoiser) -> None:
    """Raise a UserError if the network sees the future, so that it cannot have a cache."""
    if not denoiser.is_causal:
        raise UserError(
            f"This {type(denoiser).__name__} sees the frames to come and cannot be cached: do "
            "without a cache, or take a network whose attention, mixers and convolutions are "
            "causal, such as dit-causal."
        )


Network = TypeVar("Network", bound=nn.Module)


def with_ports(network: Network, *ports: Port) -> Network:
    """Make a network that takes further conditions and, as its ports are new, computes the same.

    Args:
        network: a denoiser of this room.
        ports: what is added; the weights are copied.
    """
    config: Any = network.config
    new = type(network)(replace(config, ports=(*config.ports, *ports)))
    new.load_state_dict(network.state_dict(), strict=False)
    return new.to(next(network.parameters()))
