"""Resident memory of `kinema check` on clips of growing length: it must not grow with them.

    python benchmarks/check_memory.py                              # 100, 1,000 and 10,000 frames
    python benchmarks/check_memory.py --lengths 100 300 1000

Each length is a process of its own, with one worker; its peak is what the kernel says when it ends.
Prints the table and writes it to docs/results/check_memory.md.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import av
import cv2
import numpy as np

RESULT = Path(__file__).parent.parent / "docs" / "results" / "check_memory.md"
NOTE = """
{width} x {height} pixels, one process (`--jobs 1`), peak resident memory as the kernel counts it,
the interpreter and its libraries included (load average at the start {load:.1f} on {cores} cores).
To hold all frames as pixels would take {whole:.0f} MiB at {longest} frames.
""".strip()


def write_footage(path: Path, num_frames: int, height: int, width: int) -> None:
    """A textured wall that passes by, encoded frame by frame."""
    rng = np.random.default_rng(0)
    wall = cv2.resize(
        rng.integers(60, 200, (height // 6, width, 3), dtype=np.uint8), (6 * width, height)
    )
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for t in range(num_frames):
            shifted = np.roll(wall, -2 * t, axis=1)[:, :width]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(shifted), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def peak_of_check(path: Path) -> tuple[float, float]:
    """(MiB, seconds) of a check of one file, in a process of its own."""
    arguments = [sys.executable, "-m", "kinema.cli", "check", str(path), "--jobs", "1", "--quiet"]
    began = time.monotonic()
    process = os.posix_spawn(sys.executable, arguments, dict(os.environ))
    _, status, usage = os.wait4(process, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"kinema check failed on {path}")
    return usage.ru_maxrss / 1024, time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lengths", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--size", type=int, nargs=2, default=[128, 192], metavar=("H", "W"))
    options = parser.parse_args()
    height, width = options.size
    load, rows = os.getloadavg()[0], []
    with tempfile.TemporaryDirectory() as folder:
        for length in options.lengths:
            path = Path(folder) / f"{length}.mp4"
            write_footage(path, length, height, width)
            peak, seconds = peak_of_check(path)
            rows.append(f"| {length} | {peak:.0f} | {seconds:.0f} |")
            print(rows[-1], flush=True)
    longest = max(options.lengths)
    whole = longest * height * width * 3 / 2**20
    note = NOTE.format(
        height=height, width=width, load=load, cores=os.cpu_count(), whole=whole, longest=longest
    )
    table = "| frames | peak, MiB | seconds |\n|---|---|---|\n" + "\n".join(rows)
    text = f"# What checking holds in memory\n\n`{' '.join(['python', *sys.argv])}`\n\n"
    RESULT.write_text(text + f"{table}\n\n{note}\n")
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
