"""One process at a time: a lock for a folder, and for a file in the making.

    with locked_folder("runs/x"):    # a second run in runs/x is refused in one sentence
        train()

The lock is a file that says who holds it. The kernel holds the lock (`flock`) and releases it when
the process ends, however it ends; the next run removes the file of a killed one. On a file system
without `flock` the note in the file decides: it is stale if its process is gone from this machine.
There, two processes that start at the same instant may both be let in.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from kinema.errors import UserError
from kinema.storage.atomic import Process, failures_told, require_writable

FOLDER_LOCK = ".lock"
MAX_NOTE_BYTES = 1000
HELD: set[int] = set()  # descriptors of the locks that this process holds


def let_go() -> None:
    """Close the locks of the parent in a child: it may outlive a killed parent, and hold them."""
    while HELD:
        os.close(HELD.pop())


os.register_at_fork(after_in_child=let_go)


def locked_folder(folder: str | Path) -> AbstractContextManager[None]:
    """Hold a folder, which is made if it is not there, for the length of a block.

    Raises:
        UserError: if another process, or another block of this one, holds it, or if it cannot be
            written.
    """
    return held(Path(folder) / FOLDER_LOCK, Path(folder), "folder")


def locked_file(path: str | Path) -> AbstractContextManager[None]:
    """Hold the place of a file that is going to be written, for the length of a block.

    Raises:
        UserError: as `locked_folder`.
    """
    path = Path(path)
    return held(path.with_name(f".{path.name}{FOLDER_LOCK}"), path, "file")


@contextmanager
def held(lock: Path, place: Path, kind: str) -> Iterator[None]:
    """Hold a lock file for the length of a block.

    It stands for `place`, a "folder" or a "file", as whoever comes second is told.
    """
    require_writable(lock)
    is_new = not lock.parent.exists()
    with failures_told(place):
        descriptor = take(lock, place, kind)
    HELD.add(descriptor)
    try:
        yield
    finally:
        if descriptor in HELD:  # not in a forked child: the lock is its parent's
            HELD.remove(descriptor)
            if is_at(descriptor, lock):
                lock.unlink()  # before it is released: nobody takes it in between
            os.close(descriptor)
            if is_new:
                with suppress(OSError):  # it holds files now, or is gone
                    lock.parent.rmdir()


def take(lock: Path, place: Path, kind: str) -> int:
    """Open and lock the file, again if whoever held it removed it in between."""
    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except FileNotFoundError:  # the folder was removed in between
            continue
        try:
            if not is_free(descriptor):
                raise UserError(
                    f"{place} is in use by {holder_of(descriptor)}: wait for it, or choose "
                    f"another {kind}."
                )
            if is_at(descriptor, lock):
                sign(descriptor, lock)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def is_free(descriptor: int) -> bool:
    """Take the kernel's lock if nobody has it; without such locks, believe the note."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a network file system without locks
        note = read_note(descriptor)
        return note is None or note[0].is_gone()
    return True


def is_at(descriptor: int, lock: Path) -> bool:
    """Return whether the open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), lock.stat())
    except FileNotFoundError:
        return False


def sign(descriptor: int, lock: Path) -> None:
    """Write down who holds the lock; a full disk has no room for it, and the file goes again."""
    note = asdict(Process.current()) | {"since": datetime.now().isoformat(timespec="minutes")}
    try:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode(), 0)
    except OSError:
        lock.unlink()
        raise


def read_note(descriptor: int) -> tuple[Process, datetime] | None:
    """Read who holds the lock and since when; None if nobody has signed yet."""
    try:
        note = json.loads(os.pread(descriptor, MAX_NOTE_BYTES, 0))
        process = Process(int(note["pid"]), str(note["start"]), str(note["host"]))
        return process, datetime.fromisoformat(note["since"])
    except (ValueError, TypeError, KeyError):
        return None


def holder_of(descriptor: int) -> str:
    """Say who holds the lock, as "process 123 on laptop since 14:02"."""
    note = read_note(descriptor)
    if note is None:
        return "another process"
    process, since = note
    is_today = since.date() == datetime.now().date()
    clock = f"{since:%H:%M}" if is_today else f"{since:%Y-%m-%d %H:%M}"
    return f"process {process.pid} on {process.host} since {clock}"
