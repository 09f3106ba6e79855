"""Checksums: a file or a tensor that changed after it was written is found when it is read.

They find damage (a flipped bit, a broken copy), not an attacker, who can write checksums too.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


def file_checksums(folder: str | Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, by its path with slashes."""
    folder = Path(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def check_files(folder: Path, checksums: Mapping[str, str], record: Path) -> None:
    """Compare files with the checksums that were written with them.

    Args:
        folder: that holds the files.
        checksums: as `file_checksums` returns them.
        record: the file that lists them, for the sentence.

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
    import torch

    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return zlib.crc32(flat.view(torch.uint8).numpy().data)
