"""A network as a folder: `config.json`, `model.safetensors`, and the way to the hub and back.

`PyTorchModelHubMixin` does the work. What it lets pass in silence (an unknown field of the
configuration, missing or foreign weights) is refused here in a sentence.
"""

import contextlib
import io
import json
import os
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from huggingface_hub import PyTorchModelHubMixin, snapshot_download
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError

from kinema.errors import UserError, nearest

HUB_OPTIONS = ("revision", "token", "cache_dir", "local_files_only", "force_download")


class PretrainedMixin(PyTorchModelHubMixin):
    """Mix into an `nn.Module` whose `__init__` takes one `config` dataclass.

    The class attribute `config_class` names that dataclass.
    """

    config_class: type

    def _save_pretrained(self, save_directory: Path) -> None:
        # Written beside and then renamed: a full disk never leaves half a file behind.
        with TemporaryDirectory(dir=save_directory) as beside:
            self.write_files(Path(beside))
            for file in Path(beside).iterdir():
                os.replace(file, save_directory / file.name)

    def write_files(self, folder: Path) -> None:
        """Write all files but config.json; a network with more than weights adds its own."""
        super()._save_pretrained(folder)

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
                f"{folder / CONFIG_NAME} does not describe a {cls.__name__}: {error}."
            ) from error

    @classmethod
    def _from_pretrained(cls, *, model_id: str, **kwargs: Any) -> Self:
        kwargs["strict"] = True
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # the mixin prints that it loads
                return super()._from_pretrained(model_id=model_id, **kwargs)
        except (RuntimeError, SafetensorError) as error:
            raise UserError(
                f"{model_id}/{SAFETENSORS_SINGLE_FILE} does not hold the weights of a "
                f"{cls.__name__} of this configuration: {str(error).splitlines()[-1].strip()}"
            ) from error


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
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"There is no folder {name}, and it cannot be fetched from the hub: {reason}"
        ) from error


def check_folder(folder: Path, config_class: type) -> None:
    """Raise a UserError unless `folder` holds both files and a configuration of this class."""
    for name in (CONFIG_NAME, SAFETENSORS_SINGLE_FILE):
        if not (folder / name).is_file():
            raise UserError(f"{folder} is not a saved network: {name} is missing.")
    path = folder / CONFIG_NAME
    try:
        config = json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}.") from error
    if not isinstance(config, dict):
        raise UserError(f"{path} holds no fields: a network's configuration is a JSON object.")
    check_config(config, config_class, path)


def check_config(config: dict[str, Any], config_class: type, where: object) -> None:
    """Raise a UserError that names the first key of `config` which the dataclass lacks.

    If the configuration is that of another network, it names that network too.
    """
    known = [field.name for field in fields(config_class)]
    for key in config:
        if key not in known:
            hint = nearest(key, known)
            if owners := networks_with(config):
                hint = f"this is the configuration of {' or '.join(owners)}."
            raise UserError(f"{where}: unknown field {key!r}; {hint}")


def networks_with(config: dict[str, Any]) -> list[str]:
    """The networks whose configuration has all of these fields."""
    return [
        network.__name__
        for network in PretrainedMixin.__subclasses__()
        if {field.name for field in fields(network.config_class)} >= set(config)
    ]
