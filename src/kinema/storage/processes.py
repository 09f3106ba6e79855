"""Which process this is, and whether another one still lives.

A process number alone does not say: the system gives it to another process once it is free.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")
ENDED = "ended"


@dataclass(frozen=True)
class Process:
    """A process of some machine.

    Attributes:
        pid: its number.
        start: when it started, which no other process of this number shares; "" if the system
            does not tell.
        host: the name of its machine.
    """

    pid: int
    start: str
    host: str

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
