"""Weights on disk: a network as a folder, and the files of tensors that a user names.

A network is `config.json` and `model.safetensors`. `PyTorchModelHubMixin` writes and reads them,
and brings them to the hub and back; what it lets pass in silence (an unknown field of the
configuration, missing or foreign weights) is refused here in a sentence.

Networks that others trained come as `.safetensors`, or as `.pt` and `.pth`, which torch reads with
`weights_only=True`: a pickle that would run code is refused. Checksums find damage (a flipped bit,
a broken copy), not an attacker, who can write checksums too.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

import torch
from huggingface_hub import PyTorchModelHubMixin, snapshot_download
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from kinema.errors import UserError, brief
from kinema.fields import check_values
from kinema.storage.atomic import read_object, whole_folder
from kinema.storage.torchscript import is_torchscript

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
    """Fill a network with tensors, by its own names, all of them and no others.

    Raises:
        UserError: if a tensor is missing, left over, or of another shape; it names `path`.
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
    """The path, if there is a file; raise a UserError if there is none."""
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(f"The weights {path}: this file {what}; name the file you downloaded.")
    return path


def read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path} is not a safetensors file: {brief(error)}.") from error


def read_pickle(path: Path) -> dict[str, Tensor]:
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


def file_checksums(folder: str | Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, by its path with slashes."""
    folder = Path(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def check_files(folder: Path, checksums: Mapping[str, str], record: Path) -> None:
    """Compare files with the checksums in `record`, which were written with them.

    Raises:
        UserError: if a file is missing, differs, or lies outside the folder.
    """
    for name, expected in checksums.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise UserError(f"{record} lists {name!r}, which lies outside its folder.")
        if not path.is_file():
            raise UserError(f"{folder} is not whole: {name} is missing.")
        if sha256(path) != expected:
            raise UserError(
                f"{path} is damaged or was changed: it is not the file whose checksum is in "
                f"{record.name}; copy it again, or delete its line there if you changed it."
            )


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, as `sha256sum` prints it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksum(tensor: Tensor) -> int:
    """Return the CRC-32 of a tensor's bytes, in the order of its elements."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return zlib.crc32(flat.view(torch.uint8).numpy().data)


FEW = 10_000  # of anything in the smallest network
HUB_OPTIONS = ("revision", "token", "cache_dir", "local_files_only", "force_download")


class PretrainedMixin(PyTorchModelHubMixin):
    """Mix into an `nn.Module` whose `__init__` takes one `config` dataclass.

    The class attribute `config_class` names that dataclass.
    """

    config_class: type

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> str | None:
        """Write a folder that `from_pretrained` reads; the folder is whole, or as it was.

        Args:
            save_directory: made if it is not there. A README.md in it stays as it is.
            **options: of `PyTorchModelHubMixin.save_pretrained`, among them `push_to_hub`.

        Returns:
            the address on the hub, if it was pushed there.

        Raises:
            UserError: if the folder cannot be written.
        """
        folder = Path(save_directory)
        options.setdefault("repo_id", folder.name)
        with whole_folder(folder, last=CONFIG_NAME) as staged:
            if (folder / "README.md").exists():
                shutil.copy(folder / "README.md", staged)
            return super().save_pretrained(staged, **options)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **kwargs: Any) -> Self:
        """Load from a folder that `save_pretrained` wrote, or from the hub.

        Args:
            pretrained_model_name_or_path: a folder, or a repository of the hub, owner/name.
            **kwargs: of the hub: `revision`, `token`, `cache_dir`, `local_files_only`.

        Raises:
            UserError: if there is no such folder or repository, or it lacks a file, or holds
                another network's.
        """
        asked = {name: kwargs.pop(name) for name in HUB_OPTIONS if name in kwargs}
        folder = fetched(pretrained_model_name_or_path, ["*.json", "*.safetensors"], **asked)
        check_folder(folder, cls.config_class)
        try:
            return super().from_pretrained(folder, **kwargs)
        except (TypeError, AttributeError) as error:
            raise UserError(
                f"{folder / CONFIG_NAME} does not describe a {cls.__name__}: {brief(error)}."
            ) from error

    @classmethod
    def _from_pretrained(cls, *, model_id: str, **kwargs: Any) -> Self:
        kwargs["strict"] = True
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # the mixin prints that it loads
                network = super()._from_pretrained(model_id=model_id, **kwargs)
        except (RuntimeError, SafetensorError) as error:
            raise UserError(
                f"{model_id}/{SAFETENSORS_SINGLE_FILE} does not hold the weights of a "
                f"{cls.__name__} of this configuration: {brief(error)}."
            ) from error
        require_finite(network.state_dict(), f"{model_id}/{SAFETENSORS_SINGLE_FILE}")
        return network


def fetched(name: str | Path, patterns: list[str], **options: Any) -> Path:
    """A folder as it is, or the files of a repository of the hub that fit the patterns.

    The options are those of `huggingface_hub.snapshot_download`.

    Raises:
        UserError: if there is neither.
    """
    if Path(name).is_dir():
        return Path(name)
    if str(name).count("/") != 1 or str(name).startswith((".", "/", "~")):
        raise UserError(f"There is no folder {name}; a repository of the hub is owner/name.")
    try:
        return Path(snapshot_download(str(name), allow_patterns=patterns, **options))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise UserError(
            f"There is no folder {name}, and it cannot be fetched from the hub: {reason}."
        ) from error


def check_folder(folder: Path, config_class: type) -> None:
    """Raise a UserError unless `folder` holds both files and a configuration of this class."""
    for name in (CONFIG_NAME, SAFETENSORS_SINGLE_FILE):
        if not (folder / name).is_file():
            raise UserError(f"{folder} is not a saved network: {name} is missing.")
    path = folder / CONFIG_NAME
    config = read_object(path)
    check_config(config, config_class, path)
    check_sizes(config, (folder / SAFETENSORS_SINGLE_FILE).stat().st_size, path)


def check_config(config: dict[str, Any], config_class: type, where: object) -> None:
    """Check a configuration against its dataclass; see `check_values`.

    If the configuration is that of another network, it names that network.
    """
    known = {field.name for field in fields(config_class)}
    unknown = [key for key in config if key not in known]
    if unknown and (owners := networks_with(config)):
        raise UserError(
            f"{where}: unknown field {unknown[0]!r}; this is the configuration of "
            f"{' or '.join(owners)}."
        )
    check_values(config, config_class, where)


def check_sizes(config: Any, num_bytes: int, path: Path) -> None:
    """Refuse a number that no network with so many bytes of weights can have.

    Otherwise a configuration alone could ask for any amount of memory before a weight is read.
    """
    if isinstance(config, dict | list):
        for value in config.values() if isinstance(config, dict) else config:
            check_sizes(value, num_bytes, path)
    elif isinstance(config, int) and config > max(num_bytes, FEW):
        raise UserError(f"{path} says {config}, too much for weights of {num_bytes:,} bytes.")


def networks_with(config: dict[str, Any]) -> list[str]:
    """The networks whose configuration has all of these fields."""
    return [
        network.__name__
        for network in PretrainedMixin.__subclasses__()
        if {field.name for field in fields(network.config_class)} >= set(config)
    ]
