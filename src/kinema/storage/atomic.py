"""Files that are there to be read, and files that are whole when they appear.

What is written lies in a staging folder beside its place until it is whole:

    runs/x/.4711-5f5ad365a2c1-laptop-k3v9q0zs.part/model.safetensors

The name says whose it is. The next write to `runs/x` removes the staging folders of processes
that were killed, and never those of processes that live.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from kinema.errors import UserError, brief, reason

BOOT = Path("/proc/sys/kernel/random/boot_id")
ENDED = "ended"


@dataclass(frozen=True)
class Process:
    """A process of some machine."""

    pid: int  # its number
    # when it started, which no other process of this number shares; "" if the system does not
    # tell
    start: str
    host: str  # the name of its machine

    @classmethod
    def current(cls) -> Process:
        """Return this process."""
        return cls(os.getpid(), start_of(os.getpid()), socket.gethostname())

    def is_gone(self) -> bool:
        """Return whether the process has ended; False if it ran on another machine."""
        if self.host != socket.gethostname():
            return False
        try:
            with suppress(PermissionError):  # it lives, as another user's
                os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        return start_of(self.pid) != self.start


def start_of(pid: int) -> str:
    """Return the boot and the tick at which a process started, "ended" for a zombie.

    It is "" where there is no /proc, as on macOS.
    """
    try:
        boot = BOOT.read_text().strip().replace("-", "")
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    state, ticks = fields[0], int(fields[19])
    return ENDED if state in "ZX" else f"{boot[:8]}{ticks:x}"


STAGING = re.compile(r"\.(\d{1,9})-(\w*)-(.+)-\w{8}\.part", re.ASCII)  # pid, start, host
MAX_BYTES = 50_000_000  # of a configuration


def require_file(path: str | Path, kind: str) -> Path:
    """Return `path` if it is a file with something in it; otherwise say what is wrong."""
    path = Path(path)
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"{path} does not exist: check the spelling of the {kind}'s path."
        ) from error
    except (OSError, ValueError) as error:  # a name too long, a loop of links, a null in the name
        said = reason(error) if isinstance(error, OSError) else str(error)
        raise UserError(f"{str(path)[:100]!r} cannot be read: {said}.") from error
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a {kind}: name a file in it.")
    if not path.is_file():
        raise UserError(f"{path} is a device or a pipe, not a {kind}: name a file.")
    if size == 0:
        raise UserError(f"{path} is empty (0 bytes), not a {kind}.")
    return path


def read_object(path: str | Path, kind: str = "configuration") -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises:
        UserError: if it is missing, larger than 50 MB, not UTF-8, not JSON, or holds no object.
    """
    path = require_file(path, kind)
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path} is larger than 50 MB: it is no {kind}.")
    try:
        values = json.loads(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not a text in UTF-8: it is no {kind}.") from error
    except RecursionError as error:
        raise UserError(f"{path} is nested too deeply: it is no {kind}.") from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {brief(error)}.") from error
    if not isinstance(values, dict):
        raise UserError(f"{path} holds no fields: a {kind} is a JSON object.")
    return values


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Write a file that is whole or absent; see `whole_file`."""
    with whole_file(path) as staged:
        staged.write_bytes(data)
    return Path(path)


def write_text(path: str | Path, text: str) -> Path:
    """Write a file of UTF-8 that is whole or absent; see `whole_file`."""
    return write_bytes(path, text.encode())


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Write a file beside its place and then rename it: it is whole or absent.

    Folders on the way are made, an existing file is replaced. The file is on the disk, not in a
    buffer of the system, before it is renamed.

    Yields:
        the path to write to; it has the same name. It is gone if the block fails.

    Raises:
        UserError: if the file cannot be written: the disk is full or read-only, the name too long.
    """
    path = Path(path)
    require_writable(path)
    with failures_told(path), staging(path.parent) as beside:
        staged = beside / path.name
        yield staged
        force_to_disk(staged)
        os.replace(staged, path)


@contextmanager
def whole_folder(folder: str | Path, last: str = "") -> Iterator[Path]:
    """Write the files of a folder beside their places and then move them there.

    What the folder holds under other names stays. A subfolder is replaced as a whole.

    Args:
        folder: made if it is not there.
        last: the file that is moved last; readers take a folder without it for unfinished.

    Yields:
        the folder to write to. It is gone if the block fails.

    Raises:
        UserError: as `whole_file`.
    """
    folder = Path(folder)
    require_writable(folder / (last or "file"))
    with failures_told(folder), staging(folder) as beside:
        new, old = beside / "new", beside / "old"
        new.mkdir()
        old.mkdir()
        yield new
        for file in new.rglob("*"):
            force_to_disk(file)
        if last:
            (folder / last).unlink(missing_ok=True)
        for entry in sorted(new.iterdir(), key=lambda entry: entry.name == last):
            place = folder / entry.name
            if place.is_dir():
                place.replace(old / entry.name)
            entry.replace(place)


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Make a folder inside `folder` whose name says which process it belongs to.

    It is removed at the end, and so is `folder` if it was made for it and stayed empty.
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    me = Process.current()
    beside = tempfile.mkdtemp(".part", f".{me.pid}-{me.start}-{me.host}-", folder)
    try:
        yield Path(beside)
    finally:  # after Ctrl-C too
        shutil.rmtree(beside, ignore_errors=True)
        if is_new:
            with suppress(OSError):
                folder.rmdir()


def sweep(folder: Path) -> None:
    """Remove the staging folders of processes that were killed."""
    for entry in os.scandir(folder):
        parts = STAGING.fullmatch(entry.name)
        if parts and Process(int(parts[1]), parts[2], parts[3]).is_gone():
            shutil.rmtree(entry.path, ignore_errors=True)


def force_to_disk(path: Path) -> None:
    """Wait until a file has left the buffers of the system: a power cut leaves it whole."""
    if path.is_file():
        with open(path, "rb+") as file:
            os.fsync(file.fileno())


@contextmanager
def failures_told(path: Path) -> Iterator[None]:
    """Turn errors of the operating system into a UserError that names `path`."""
    try:
        yield
    except OSError as error:
        raise UserError(f"Cannot write {shown(path)}: {reason(error)}.") from error
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        said = OSError(int(number[1]), os.strerror(int(number[1])))
        raise UserError(f"Cannot write {shown(path)}: {reason(said)}.") from error


def require_writable(path: Path) -> None:
    """Raise a UserError that says what stands in the way of a file at `path`."""
    with failures_told(path):
        if "\0" in str(path):
            raise UserError(f"Cannot write {shown(path)!r}: a name holds no null character.")
        if path.is_dir():
            raise UserError(f"Cannot write {path}: it is a folder; name a file in it.")
        if path.exists() and not path.is_file():  # a file renamed to /dev/null would replace it
            raise UserError(f"Cannot write {path}: it is a device or a pipe; name a file.")
        there = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
        if not there.exists():
            raise UserError(f"Cannot write {path}: {there} is a link that leads nowhere.")
        if not there.is_dir():
            raise UserError(f"Cannot write {path}: {there} is a file, not a folder.")
        if not os.access(there, os.W_OK):
            raise UserError(f"Cannot write {path}: the folder {there} may not be written.")
        longest = os.pathconf(there, "PC_NAME_MAX")
        if any(len(os.fsencode(part)) > longest for part in path.parts):
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))


def shown(path: Path) -> str:
    """A path as a sentence shows it: the end of it, if it is very long."""
    text = str(path)
    return text if len(text) <= 120 else f"...{text[-100:]}"
