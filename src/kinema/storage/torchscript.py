"""The tensors of a TorchScript archive (`torch.jit.save`), read without running its program.

The archive is a zip: `data.pkl` is a pickle of the tree of modules, `data/0`, `data/1`, ... are the
values of the tensors, `code/` is the program. The pickle is read by an unpickler that knows five
names and refuses every other; nothing in `code/` is compiled or run.
"""

from __future__ import annotations

import io
import pickle
import re
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kinema.errors import UserError, brief

MAX_PICKLE_BYTES, MAX_COMPRESSED_BYTES = 50_000_000, 1_000_000
EPS = re.compile(r"eps : Final\[float\] = ([\d.e+-]+)")
STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


class Module:
    """Stands for any module of the archive; what it holds are its attributes."""


def is_torchscript(path: str | Path) -> bool:
    """Return whether a file is a compiled network (`torch.jit.save`), which carries a program."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in name for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError):  # no zip, or a damaged one
        return False


def read_torchscript(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of an archive by their dotted names, in its own order.

    Raises:
        UserError: if the archive is damaged, or asks for anything but tensors.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            tree = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            folder = tree.removesuffix("data.pkl")
            data = read_entry(archive, tree)
            if len(data) > MAX_PICKLE_BYTES:
                raise pickle.UnpicklingError("data.pkl is larger than 50 MB")
            root = TensorUnpickler(data, archive, folder).load()
        return named_tensors(root)
    except Exception as error:  # a pickle of untrusted bytes can fail in every way
        raise UserError(
            f"{path} is TorchScript, of which the tensors cannot be read ({brief(error)})."
        ) from error


def batch_norm_eps(path: str | Path) -> float | None:
    """Return the eps of the archive's batch norms, from the text of its program; None if unsaid."""
    with zipfile.ZipFile(path) as archive:
        texts = [n for n in archive.namelist() if "/batchnorm" in n and n.endswith(".py")]
        said = {float(x) for n in texts for x in EPS.findall(read_entry(archive, n).decode())}
    return said.pop() if len(said) == 1 else None


class TensorUnpickler(pickle.Unpickler):
    """Unpickles a tree of modules and tensors; every name but theirs is refused."""

    def __init__(self, data: bytes, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(io.BytesIO(data))
        self.archive, self.folder = archive, folder
        self.values: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Look up what the pickle calls by name."""
        if module.partition(".")[0] == "__torch__":
            return Module
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return rebuild
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch.jit._pickle":  # lists with the type of what they hold
            return first
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, identity: Any) -> Tensor:
        """Read the values that a tensor refers to."""
        _, dtype, key, _, _ = identity
        if key not in self.values:
            data = read_entry(self.archive, f"{self.folder}data/{key}")
            self.values[key] = torch.frombuffer(bytearray(data), dtype=dtype)
        return self.values[key]


def read_entry(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read a file of the archive; torch compresses the texts of programs and nothing large."""
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED and entry.file_size > MAX_COMPRESSED_BYTES:
        raise pickle.UnpicklingError(f"{name} is compressed")
    return archive.read(name)


def rebuild(
    values: Tensor, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> Tensor:
    """Return a tensor over values; torch refuses one that reaches beyond them."""
    return torch.as_strided(values, shape, stride, offset).clone()


def first(value: Any, *_: Any) -> Any:
    """Return the first argument."""
    return value


def named_tensors(root: Any) -> dict[str, Tensor]:
    """Return the tensors below a module, by their dotted names; shared modules count once."""
    found: dict[str, Tensor] = {}
    waiting, seen = [("", root)], set()
    while waiting:
        prefix, module = waiting.pop(0)
        if id(module) in seen:
            continue
        seen.add(id(module))
        below = []
        for name, value in vars(module).items():
            if isinstance(value, Tensor):
                found[prefix + name] = value
            elif isinstance(value, Module):
                below.append((f"{prefix}{name}.", value))
        waiting = below + waiting
    return found
