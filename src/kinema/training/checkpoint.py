"""A run's whole state in one safetensors file, written beside and renamed: never half a checkpoint.

All randomness of a run is reseeded from its position, so weights, averages, optimizer moments and
the position are the whole state, and a resumed run is bit for bit the run that was never stopped.
Weights that are not trained (a pretrained text encoder's) are not written: they are loaded again.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from kinema.errors import UserError
from kinema.storage.atomic import whole_file
from kinema.storage.weights import checksum, require_finite
from kinema.training.ema import WeightAverages

FORMAT = 2  # raise it when a checkpoint's contents or the draws of a step change


@dataclass
class Position:
    """Where a run stands."""

    step: int = 0  # optimizer steps taken or skipped
    samples: int = 0  # clips seen
    # how often the run went back after repeated non-finite losses; part of every seed, so
    # that the same batch does not fail again
    rollbacks: int = 0


@dataclass
class State:
    """Everything that a step changes."""

    network: nn.Module  # in training
    averages: WeightAverages  # of its weights
    optimizers: list[torch.optim.Optimizer]  # with their moments
    position: Position  # of the run
    # settings that a resumed run must share, name -> value, "loop.seed" -> "0"
    run_settings: dict[str, str] = field(default_factory=dict)

    def tensors(self) -> dict[str, Tensor]:
        """All state tensors under flat names."""
        named = {f"network.{n}": t for n, t in trained_tensors(self.network).items()}
        for width, track in self.averages.tracks.items():
            named |= {f"average.{width}.{n}": t for n, t in track.items()}
        for k, optimizer in enumerate(self.optimizers):
            for i, moments in optimizer.state_dict()["state"].items():
                named |= {f"optimizer.{k}.{i}.{n}": t for n, t in moments.items()}
        return {name: t.detach().contiguous() for name, t in named.items()}

    def settings(self) -> dict[str, str]:
        """What a run that resumes must share, beside the network: name -> value."""
        optimizers = [
            f"{type(one).__name__} of {sum(len(g['params']) for g in one.param_groups)} tensors"
            for one in self.optimizers
        ]
        return {
            **self.run_settings,
            "loop.averages": ", ".join(map(str, self.averages.tracks)),
            "loop.optimizer": " and ".join(optimizers),
        }


def trained_tensors(network: nn.Module) -> dict[str, Tensor]:
    """The tensors of a network's state, but for its frozen parameters."""
    frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
    return {name: t for name, t in network.state_dict().items() if name not in frozen}


def save(state: State, path: Path) -> None:
    """Write the state atomically; a crash at any moment leaves the old file or the new one.

    Raises:
        UserError: if the disk is full or the folder cannot be written.
    """
    copies = {n: t.cpu().clone() for n, t in state.tensors().items()}  # tied tensors twice
    kept = {
        "format": FORMAT,
        "position": asdict(state.position),
        "parts": parts_of(state.network),
        "settings": state.settings(),
        "checksums": {name: checksum(copies[name]) for name in sorted(copies)},
    }
    with whole_file(path) as partial:
        save_file(copies, partial, {name: json.dumps(value) for name, value in kept.items()})


def load(state: State, path: Path) -> None:
    """Read a state written by `save` into networks and optimizers of the same configuration.

    Raises:
        UserError: if the file is damaged, belongs to another configuration, or holds weights that
            are not finite.
    """
    kept, found = read(path)
    position = position_of(kept, path)
    require_finite(found, path)
    check_same(kept.get("parts", {}), parts_of(state.network), path)
    load_network(state.network, found, path)
    check_same(kept.get("settings", {}), state.settings(), path)
    for width, track in state.averages.tracks.items():
        for name, tensor in track.items():
            tensor.copy_(found[f"average.{width}.{name}"])
    for k, optimizer in enumerate(state.optimizers):
        load_optimizer(optimizer, k, found)
    state.position = position


def read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The metadata and the tensors of a checkpoint, each tensor compared with its checksum.

    Raises:
        UserError: if the file is damaged or was written by an earlier version of kinema.
    """
    kept = read_metadata(path)
    with unreadable_told(path), safe_open(path, "pt") as file:
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        for name, tensor in found.items():
            if checksum(tensor) != kept["checksums"][name]:
                raise ValueError(f"{name} differs from its checksum")
    return kept, found


def read_metadata(path: Path) -> dict[str, Any]:
    """What a checkpoint says of itself, without its tensors.

    Raises:
        UserError: if the file is damaged or was written by an earlier version of kinema.
    """
    with unreadable_told(path), safe_open(path, "pt") as file:
        kept = {name: json.loads(value) for name, value in file.metadata().items()}
    if kept.get("format") != FORMAT:
        raise UserError(
            f"{path} was written by another version of kinema, whose steps draw other clips and "
            "noise: finish the run with that version, or choose another folder."
        )
    return kept


@contextmanager
def unreadable_told(path: Path) -> Iterator[None]:
    """Turn what goes wrong within the block into a UserError that names the checkpoint."""
    try:
        yield
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise UserError(
            f"{path} is not a readable checkpoint ({error}); delete it to start the run anew."
        ) from None


def position_of(kept: dict[str, Any], path: Path) -> Position:
    """The position in a checkpoint's metadata.

    Raises:
        UserError: if it is incomplete or not a position.
    """
    values: Any = kept.get("position")
    names = asdict(Position()).keys()
    is_whole = isinstance(values, dict) and values.keys() == names
    if not is_whole or not all(type(n) is int and n >= 0 for n in values.values()):
        raise UserError(
            f"{path} does not say where its run stands (position: {values}); delete it to start "
            "the run anew."
        )
    return Position(**values)


def parts_of(network: nn.Module) -> dict[str, str]:
    """The class of every named part of a system in training, {"denoiser": "DiT", ...}."""
    parts = network.named_children() if isinstance(network, nn.ModuleDict) else [("", network)]
    return {name: type(part).__name__ for name, part in parts}


def check_same(there: dict[str, str], here: dict[str, str], path: Path) -> None:
    """Raise a UserError that names the first thing in which a checkpoint and a run differ."""
    for name in union(there, here):
        if there.get(name) != here.get(name):
            raise UserError(
                f"{path} belongs to another run: its {name or 'network'} is "
                f"{there.get(name, 'nothing')} there and {here.get(name, 'nothing')} here; use the "
                "run's own settings or another folder."
            )


def load_network(network: nn.Module, found: dict[str, Tensor], path: Path) -> None:
    """Take up the weights of a checkpoint, which must be those that this network trains."""
    weights = {n[len("network.") :]: t for n, t in found.items() if n.startswith("network.")}
    own = trained_tensors(network)
    for name in union(own, weights):
        here = tuple(own[name].shape) if name in own else "nothing"
        there = tuple(weights[name].shape) if name in weights else "nothing"
        if here != there:
            raise UserError(
                f"{path} belongs to another network: {name} is {there} there and {here} here; "
                "use the run's own settings or another folder."
            )
    network.load_state_dict(weights, strict=False)  # frozen weights are not in a checkpoint


def union(*named: Iterable[str]) -> list[str]:
    return sorted(set().union(*named))


def load_optimizer(optimizer: torch.optim.Optimizer, k: int, found: dict[str, Tensor]) -> None:
    """Take up the moments of optimizer number `k` of a checkpoint."""
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
