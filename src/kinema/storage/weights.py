"""Weights that the user names: a file of tensors, read without running anything in it.

Networks that others trained come as `.safetensors`, or as `.pt` and `.pth`, which torch reads with
`weights_only=True`: a pickle that would run code is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.errors import UserError, brief

if TYPE_CHECKING:
    from torch import Tensor, nn

WRAPPERS = ("state_dict", "model", "module", "params")  # under which checkpoints keep the tensors


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """The tensors in a file by name, without the `module.` that DataParallel puts in front.

    Raises:
        UserError: if the file is missing, cannot be read, or holds no tensors.
    """
    path = existing_file(path)
    if path.suffix == ".safetensors":
        tensors = read_safetensors(path)
    else:
        tensors = read_pickle(path)
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}


def load_weights(network: nn.Module, tensors: dict[str, Tensor], path: str | Path) -> None:
    """Fill a network with tensors, all of them and no others.

    Args:
        network: to be filled.
        tensors: by the network's own names.
        path: where they come from, for the sentence.

    Raises:
        UserError: if a tensor is missing, left over, or of another shape.
    """
    expected = network.state_dict()
    # Batch norm counts its batches; old files do not, and nothing depends on it.
    needed = [name for name in expected if not name.endswith("num_batches_tracked")]
    missing = [f"{name!r} is missing" for name in needed if name not in tensors]
    extra = [f"{name!r} has no place in it" for name in tensors if name not in expected]
    other = [
        f"{name!r} is {tuple(tensor.shape)}, not {tuple(expected[name].shape)}"
        for name, tensor in tensors.items()
        if name in expected and tensor.shape != expected[name].shape
    ]
    if wrong := [*missing, *extra, *other]:
        kind = type(network).__name__
        raise UserError(f"{path} does not hold the weights of {kind}: {wrong[0]}.")
    require_finite(tensors, path)
    network.load_state_dict(tensors, strict=False)


def require_finite(tensors: Mapping[str, Tensor], path: str | Path) -> None:
    """Raise a UserError that names the first tensor with a NaN or an infinity in it."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise UserError(
                f"{path} holds no usable weights: {name!r} has values that are NaN or infinite; "
                "the training that wrote it diverged, or the file is damaged."
            )


def existing_file(path: str | Path) -> Path:
    """The path, if there is a file.

    Raises:
        UserError: otherwise.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(f"The weights {path}: this file {what}; name the file you downloaded.")
    return path


def read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path} is not a safetensors file: {brief(error)}.") from error


def read_pickle(path: Path) -> dict[str, Tensor]:
    import torch

    from kinema.storage.torchscript import is_torchscript

    if is_torchscript(path):
        raise UserError(f"{path} is TorchScript, a program: name a file of tensors instead.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a pickle of untrusted bytes can fail in every way
        raise UserError(
            f"{path} is no file of tensors: weights are read from .safetensors, or from a .pt or "
            ".pth that holds nothing else."
        ) from error
    while isinstance(content, dict) and (key := wrapper_of(content)):
        content = content[key]
    named = isinstance(content, dict) and content
    if not named or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise UserError(f"{path} holds no tensors by name: save a network's state_dict() in it.")
    return content


def wrapper_of(content: dict) -> str:
    return next((key for key in WRAPPERS if isinstance(content.get(key), dict)), "")
