"""A network as a folder: `config.json`, `model.safetensors`, and the way to the hub and back.

`PyTorchModelHubMixin` does the work. What it lets pass in silence (an unknown field of the
configuration, missing or foreign weights) is refused here in a sentence.
"""

import contextlib
import io
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

from huggingface_hub import PyTorchModelHubMixin, snapshot_download
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError

from kinema.errors import UserError, brief
from kinema.storage.atomic import whole_folder
from kinema.storage.configuration import check_fields, read_object
from kinema.storage.weights import require_finite

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
    """A folder as it is, or the files of a repository of the hub.

    Args:
        name: of either.
        patterns: which files are fetched.
        **options: of `huggingface_hub.snapshot_download`.

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
    """Check a configuration against its dataclass; see `check_fields`.

    If the configuration is that of another network, it names that network.
    """
    known = {field.name for field in fields(config_class)}
    unknown = [key for key in config if key not in known]
    if unknown and (owners := networks_with(config)):
        raise UserError(
            f"{where}: unknown field {unknown[0]!r}; this is the configuration of "
            f"{' or '.join(owners)}."
        )
    check_fields(config, config_class, where)


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
