"""Files that are there to be read, and files that are whole when they appear."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kinema.errors import UserError


def require_file(path: str | Path, kind: str) -> Path:
    """Return `path` if it is a file with something in it; otherwise say what is wrong."""
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a {kind}: name a file in it.")
    if not path.exists():
        raise UserError(f"{path} does not exist: check the spelling of the {kind}'s path.")
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty (0 bytes), not a {kind}.")
    return path


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Write a file that is whole or absent; see `whole_file`."""
    with whole_file(path) as partial:
        partial.write_bytes(data)
    return Path(path)


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A file that is whole or absent: written beside its place, then renamed.

    Folders on the way are made, an existing file is replaced.

    Yields:
        the path to write to; it has the same suffix. It is gone if the block fails.

    Raises:
        UserError: if the disk is full or the folder cannot be written.
    """
    path = Path(path)
    require_writable(path)
    partial = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {_reason(error)}.") from error
    finally:  # after Ctrl-C too
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def require_writable(path: Path) -> None:
    """Say what stands in the way of a file at `path`."""
    if path.is_dir():
        raise UserError(f"Cannot write {path}: it is a folder; name a file in it.")
    there = next(parent for parent in path.absolute().parents if parent.exists())
    if not there.is_dir():
        raise UserError(f"Cannot write {path}: {there} is a file, not a folder.")
    if not os.access(there, os.W_OK):
        raise UserError(f"Cannot write {path}: the folder {there} may not be written.")


def _reason(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space or choose another folder"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "the folder may not be written; choose another one"
    return error.strerror or str(error)
