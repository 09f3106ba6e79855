"""Ports: how a network takes in the conditions beside its text.

A port is a projection that starts at zero, so a network with new ports computes what it computed
before, to the last bit, and learns from there (ControlNet's zero convolutions, Zhang et al. 2023):

    grid      patches of the condition, added to the patches of the video
    vector    added to the embedding of the time of each frame
    tokens    read by an attention of their own in every block (IP-Adapter, Ye et al. 2023), in one
              sequence; what is added to all tokens of a condition says whose they are

(Tokens that joined the attention to the text would take a share of its softmax from the first step,
and could not start at zero.) An absent row adds zero: it is the row that it would be without the
condition.

Axes: b batch, c channels, f frames, h w places of patches, m tokens, d features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import prod
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from kinema.blocks.transformer import CrossAttention, RMSNorm, pad_to_multiple, patchify
from kinema.conditions.doors import DOORS, AnyCondition, Conditions, Grid, Tokens, Vector
from kinema.errors import UserError, nearest
from kinema.fields import Count, check_fields

Door = Literal["grid", "tokens", "vector"]
Given = dict[str, AnyCondition]


class TokenSequence(NamedTuple):
    """Tokens b m d, and how much each of them counts: b m, 0 for those that are not seen."""

    tokens: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Port:
    """A way in for one condition."""

    name: str  # of the condition
    door: Door  # grid, tokens or vector
    channels: Count  # channels of a grid, or features of a token or a vector

    def __post_init__(self) -> None:
        check_fields(self, f"Port {self.name}: ")
        if not self.name.isidentifier() or self.name == "text" or hasattr(nn.ModuleDict, self.name):
            raise UserError(f"A port cannot be called {self.name!r}: choose another name.")


def read_ports(given: Sequence[Port | Mapping[str, Any]]) -> tuple[Port, ...]:
    """Read the ports of a configuration, each from itself or from its dictionary.

    Raises:
        UserError: if a dictionary lacks a field or has another, or two ports have one name.
    """
    ports = tuple(port if isinstance(port, Port) else read_port(port) for port in given)
    names = [port.name for port in ports]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"There are two ports for the condition {name!r}: leave one out.")
    return ports


def read_port(given: Mapping[str, Any]) -> Port:
    """Read a port from its dictionary; raise a UserError unless its fields are those of a port."""
    known = {field.name for field in fields(Port)}
    if set(given) != known:
        raise UserError(f"A port has the fields name, door and channels, not {[*given]}.")
    return Port(**given)


class Ports(nn.Module):
    """The ways in of a network's conditions beside its text.

    Args:
        ports: one for each condition.
        patch: frames, rows and columns that a token of the network covers.
        dim: features of a token.
        dim_vector: features of the vector of a frame; `dim` unless given.
    """

    def __init__(
        self,
        ports: Sequence[Port],
        patch: tuple[int, int, int],
        dim: int,
        dim_vector: int | None = None,
    ):
        super().__init__()
        self.ports, self.patch, dim_vector = ports, patch, dim_vector or dim
        self.grids, self.vectors, self.tokens = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        for port in ports:
            c = port.channels
            if port.door == "grid":
                self.grids[port.name] = nn.Linear((c + 1) * prod(patch), dim, bias=False)
            elif port.door == "vector":
                self.vectors[port.name] = nn.Linear(c + 1, dim_vector, bias=False)
            else:  # the bias says whose tokens they are
                self.tokens[port.name] = nn.Linear(c, dim)

    def given(self, conditions: Conditions | None, x: Tensor) -> Given:
        """The conditions of a batch that come through the ports; x: b c f h w, the noisy video.

        Raises:
            UserError: for a condition without a port, or one whose shape does not fit.
        """
        named = {} if conditions is None else dict(conditions.named)
        named.pop("text", None)
        ports = {port.name: port for port in self.ports}
        for name, condition in named.items():
            if name not in ports:
                hint = nearest(name, [*ports]) if ports else "it has none but for text."
                raise UserError(f"This network has no port for the condition {name!r}; {hint}")
            check_shape(condition, ports[name], x)
        return named

    def onto_patches(
        self, patches: Tensor, given: Given, multiple: tuple[int, int, int] | None = None
    ) -> Tensor:
        """Add the conditions on the grid to patches b f h w d of the video.

        `multiple` is that of frames, rows and columns to which the video was padded: `patch` unless
        given.
        """
        for name, linear in self.grids.items():
            if isinstance(grid := given.get(name), Grid):
                signal = pad_to_multiple(grid.signal(), multiple or self.patch)
                patches = patches + linear(patchify(signal, self.patch).to(linear.weight.dtype))
        return patches

    def onto_time(self, vector: Tensor, given: Given) -> Tensor:
        """Add the conditions of one vector a frame to the embedding of the times, b f d."""
        for name, linear in self.vectors.items():
            if isinstance(condition := given.get(name), Vector):
                vector = vector + linear(condition.signal().to(linear.weight.dtype))
        return vector

    def sequence(self, given: Given) -> TokenSequence | None:
        """Join the tokens of all conditions that have some, one condition behind the other."""
        tokens, weights = [], []
        for name, linear in self.tokens.items():
            if isinstance(condition := given.get(name), Tokens):
                tokens.append(linear(condition.tokens.to(linear.weight.dtype)))
                weights.append(condition.weights)
        return TokenSequence(torch.cat(tokens, 1), torch.cat(weights, 1)) if tokens else None


class PortAttention(nn.Module):
    """x + attention(norm(x)) to the tokens, of `dim_tokens` features, that came through ports."""

    def __init__(self, dim: int, num_heads: int, dim_tokens: int | None = None):
        super().__init__()
        self.norm = RMSNorm(dim)
        self.attention = CrossAttention(dim, num_heads, dim_tokens)

    def forward(self, x: Tensor, sequence: TokenSequence | None) -> Tensor:
        """b f h w d -> b f h w d; x itself where there are no tokens."""
        if sequence is None:
            return x
        y = self.norm(x).flatten(2, 3)  # b f n d
        return x + self.attention(y, *sequence).unflatten(2, x.shape[2:4])


def has_tokens(ports: Sequence[Port]) -> bool:
    """Whether one of the ports takes tokens, so that blocks need a `PortAttention`."""
    return any(port.door == "tokens" for port in ports)


def zero_ports_(network: nn.Module) -> None:
    """Let all ports of a network start at zero: the network is what it is without them."""
    for module in network.modules():
        if isinstance(module, Ports):
            for linear in [*module.grids.values(), *module.vectors.values()]:
                nn.init.zeros_(linear.weight)
        if isinstance(module, PortAttention):
            nn.init.zeros_(module.attention.out.weight)


def check_shape(condition: AnyCondition, port: Port, x: Tensor) -> None:
    """Raise a UserError unless a condition fits its port and the video x: b c f h w."""
    if not isinstance(condition, DOORS[port.door]):
        raise UserError(
            f"The condition {port.name!r} is a {type(condition).__name__}, and its port takes "
            f"{DOORS[port.door].__name__}."
        )
    b, _, f, h, w = x.shape
    shapes = {
        "grid": (b, port.channels, f, h, w),
        "tokens": (b, condition.tensors[0].shape[1], port.channels),
        "vector": (b, f, port.channels),
    }
    found = tuple(condition.tensors[0].shape)
    if found != shapes[port.door]:
        raise UserError(
            f"The condition {port.name!r} has the shape {found}, and must have "
            f"{shapes[port.door]} beside a video of the shape {tuple(x.shape)}."
        )
