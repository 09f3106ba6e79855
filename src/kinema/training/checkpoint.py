"""A run's whole state in one safetensors file, written beside and renamed: never half a checkpoint.

All randomness of a run is reseeded from its position, so weights, averages, optimizer moments and
the position are the whole state, and a resumed run is bit for bit the run that was never stopped.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from kinema.errors import UserError
from kinema.storage import require_finite, whole_file
from kinema.training.ema import WeightAverages


@dataclass
class Position:
    """Where a run stands.

    Attributes:
        step: optimizer steps taken or skipped.
        samples: clips seen.
        rollbacks: how often the run went back after repeated non-finite losses; part of every
            seed, so that the same batch does not fail again.
    """

    step: int = 0
    samples: int = 0
    rollbacks: int = 0


@dataclass
class State:
    """Everything that a step changes."""

    network: nn.Module
    averages: WeightAverages
    optimizers: list[torch.optim.Optimizer]
    position: Position

    def tensors(self) -> dict[str, Tensor]:
        """All state tensors under flat names."""
        named = {f"network.{n}": t for n, t in self.network.state_dict().items()}
        for width, track in self.averages.tracks.items():
            named |= {f"average.{width}.{n}": t for n, t in track.items()}
        for k, optimizer in enumerate(self.optimizers):
            for i, moments in optimizer.state_dict()["state"].items():
                named |= {f"optimizer.{k}.{i}.{n}": t for n, t in moments.items()}
        return {name: t.detach().contiguous() for name, t in named.items()}

    def settings(self) -> dict[str, str]:
        """What decides which tensors there are, beside the network: name -> value."""
        optimizers = [
            f"{type(one).__name__} of {sum(len(g['params']) for g in one.param_groups)} tensors"
            for one in self.optimizers
        ]
        return {
            "loop.averages": ", ".join(map(str, self.averages.tracks)),
            "loop.optimizer": " and ".join(optimizers),
        }


def save(state: State, path: Path) -> None:
    """Write the state atomically; a crash at any moment leaves the old file or the new one."""
    copies = {
        n: t.cpu().clone() for n, t in state.tensors().items()
    }  # tied tensors are stored twice
    kept = {
        "position": asdict(state.position),
        "parts": parts_of(state.network),
        "settings": state.settings(),
    }
    with whole_file(path) as staged:
        save_file(copies, staged, {name: json.dumps(value) for name, value in kept.items()})


def load(state: State, path: Path) -> None:
    """Read a state written by `save` into networks and optimizers of the same configuration.

    Raises:
        UserError: if the file is damaged or belongs to another configuration.
    """
    try:
        with safe_open(path, "pt") as file:
            position = json.loads(file.metadata()["position"])
            parts = json.loads(file.metadata().get("parts", "{}"))
            settings = json.loads(file.metadata().get("settings", "{}"))
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, OSError) as error:
        raise UserError(
            f"{path} is not a readable checkpoint ({error}); delete it to start the run anew"
        ) from None
    _check_same(parts, parts_of(state.network), path)
    _load_network(state.network, found, path)
    _check_same(settings, state.settings(), path)
    for width, track in state.averages.tracks.items():
        for name, tensor in track.items():
            tensor.copy_(found[f"average.{width}.{name}"])
    for k, optimizer in enumerate(state.optimizers):
        _load_optimizer(optimizer, k, found)
    state.position = Position(**position)


def parts_of(network: nn.Module) -> dict[str, str]:
    """The class of every named part of a system in training, {"denoiser": "DiT", ...}."""
    parts = network.named_children() if isinstance(network, nn.ModuleDict) else [("", network)]
    return {name: type(part).__name__ for name, part in parts}


def _check_same(there: dict[str, str], here: dict[str, str], path: Path) -> None:
    for name in there.keys() & here.keys():
        if there[name] != here[name]:
            raise UserError(
                f"{path} belongs to another run: its {name or 'network'} is {there[name]} there "
                f"and {here[name]} here; use the run's own settings or another folder"
            )


def _load_network(network: nn.Module, found: dict[str, Tensor], path: Path) -> None:
    weights = {n[len("network.") :]: t for n, t in found.items() if n.startswith("network.")}
    require_finite(weights, path)
    own = network.state_dict()
    for name in sorted(own.keys() | weights.keys()):
        here = tuple(own[name].shape) if name in own else "nothing"
        there = tuple(weights[name].shape) if name in weights else "nothing"
        if here != there:
            raise UserError(
                f"{path} belongs to another network: {name} is {there} there and {here} here; "
                "use the run's own settings or another folder"
            )
    network.load_state_dict(weights)


def _load_optimizer(optimizer: torch.optim.Optimizer, k: int, found: dict[str, Tensor]) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    for key, tensor in found.items():
        if key.startswith(f"optimizer.{k}."):
            _, _, i, name = key.split(".", 3)
            like = parameters[int(i)]
            if tensor.shape == like.shape:  # fused steps need the memory layout of the weights
                tensor = torch.empty_like(like).copy_(tensor)
            moments.setdefault(int(i), {})[name] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})
