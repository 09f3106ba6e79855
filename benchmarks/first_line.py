"""How long a command is silent: until its first line, and at most between two lines.

    python benchmarks/first_line.py --report docs/results/first_line.md

Each command runs in a terminal of its own (a pseudo-terminal, so that bars are drawn as for a
user), in an empty folder, and is stopped after `--seconds`.
"""

import argparse
import os
import platform
import pty
import select
import shlex
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from kinema.storage import write_bytes

TINY = "--denoiser.dim 64 --denoiser.depth 1 --denoiser.num_heads 1"
PREPARE = (
    "world tabletop -n 12 --size 64 --frames 17 -o clips",
    'generate "a red ball rolls" -o ball.mp4 --num-steps 2',
)
COMMANDS = (
    "--help",
    "models",
    "info ball.mp4",
    'generate "a red ball rolls behind a blue cube" -o a.mp4',
    'generate "a red ball rolls" --num-frames 97 --long sliding -o b.mp4',
    "world tabletop -n 64 -o more",
    "check ball.mp4",
    "check clips",
    "check ball.mp4 --against clips/clip_00000.mp4",
    "distance clips clips",
    "train codec --data.folder clips",
    "train text-to-video --data.folder clips",
    "train tabletop",
    "train tabletop-codec",
    "train physics-uniform",
    "train tabletop-judge",
    "probe codec",
    "probe prompts",
    "budget generate",
    "budget train tabletop",
)


@dataclass(frozen=True)
class Silence:
    """When a command spoke, in seconds."""

    first: float  # until the first visible character
    longest: float  # between two outputs, the end included


def listen(command: str, folder: Path, seconds: float) -> Silence:
    """Run a command of kinema in a terminal and time its output."""
    began = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execv(sys.executable, [sys.executable, "-m", "kinema", *shlex.split(command)])
    spoken = [began]
    while time.monotonic() - began < seconds:
        if not select.select([terminal], [], [], 0.05)[0]:
            continue
        try:
            text = os.read(terminal, 65536)
        except OSError:  # the terminal closes with its process
            break
        if not text:
            break
        if text.strip():
            spoken.append(time.monotonic())
    spoken.append(time.monotonic())
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)
    gaps = [late - early for early, late in zip(spoken[1:-1], spoken[2:], strict=True)]
    return Silence(spoken[1] - began, max(gaps, default=0.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="each command is stopped then")
    parser.add_argument("--report", type=Path, help="the page to write")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as place:
        for command in PREPARE:
            listen(command, Path(place), 300)
        for command in COMMANDS:
            silence = listen(command, Path(place), options.seconds)
            rows.append(f"| `kinema {command}` | {silence.first:.2f} | {silence.longest:.1f} |")
            print(rows[-1], flush=True)
    load = os.getloadavg()[0]
    page = [
        "# How long a command is silent",
        "",
        f"`python benchmarks/first_line.py --seconds {options.seconds:g}` on {platform.machine()}, "
        f"{os.cpu_count()} processors, load {load:.1f} at the end. Asked: a first line in 2 "
        "seconds; later silences end with the command, or after the stated seconds.",
        "",
        "| command | seconds to the first line | longest silence after it, s |",
        "|---|---|---|",
        *rows,
    ]
    if options.report:
        write_bytes(options.report, ("\n".join(page) + "\n").encode())


if __name__ == "__main__":
    main()
