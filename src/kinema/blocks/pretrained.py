"""A network as a folder: `config.json`, `model.safetensors`, and the way to the hub and back.

`PyTorchModelHubMixin` does the work. What it lets pass in silence (an unknown field of the
configuration, missing or foreign weights) is refused here in a sentence.
"""

import contextlib
import io
import json
import os
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from huggingface_hub import PyTorchModelHubMixin
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE
from safetensors import SafetensorError

from kinema.errors import UserError


def nearest(name: str, names: list[str]) -> str:
    """A hint that ends a sentence about an unknown name: the nearest one, or all of them."""
    close = get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(sorted(names))}."


class PretrainedMixin(PyTorchModelHubMixin):
    """Mix into an `nn.Module` whose `__init__` takes one `config` dataclass.

    The class attribute `config_class` names that dataclass.
    """

    config_class: type

    @classmethod
    def _from_pretrained(cls, *, model_id: str, **kwargs: Any):
        # A folder is checked before it is opened; on the hub a missing file is the hub's error.
        if os.path.isdir(model_id):
            check_folder(Path(model_id), cls.config_class)
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
    check_config(json.loads((folder / CONFIG_NAME).read_text()), config_class, folder / CONFIG_NAME)


def check_config(config: dict[str, Any], config_class: type, where: object) -> None:
    """Raise a UserError that names the first key of `config` which the dataclass lacks."""
    known = [field.name for field in fields(config_class)]
    for key in config:
        if key not in known:
            raise UserError(f"{where}: unknown field {key!r}; {nearest(key, known)}")
