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

from huggingface_hub import PyTorchModelHubMixin
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE
from safetensors import SafetensorError

from kinema.errors import UserError, nearest


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

        Raises:
            UserError: if the folder lacks a file, or holds another network's.
        """
        if os.path.isdir(pretrained_model_name_or_path):
            check_folder(Path(pretrained_model_name_or_path), cls.config_class)
        return super().from_pretrained(pretrained_model_name_or_path, **kwargs)

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
