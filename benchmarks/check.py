"""The whole vector of scores against the one score of the textbook, on 1080p, same run.

    python benchmarks/check.py                     # 120 frames, minutes of processor time
    python benchmarks/check.py --frames 16 --rounds 1

Prints the table and writes it to docs/results/check.md. Processor seconds of one thread, rounds
interleaved, medians; pairs of frames are independent in both, so two cores halve both.
"""

import argparse
import os
import time
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from kinema.metrics import textbook_warping_error
from kinema.metrics.evidence import observe
from kinema.metrics.vector import METRICS, measure

RESULT = Path(__file__).parent.parent / "docs" / "results" / "check.md"
NOTE = """
{frames} frames of 1920 x 1080, processor seconds of one thread, {rounds} interleaved rounds,
medians (load average at the start {load:.1f} on {cores} cores). The textbook's score is one
Farneback flow a pair at the full size (`textbook_warping_error`); the vector is all {count} scores
of `kinema check`, with the frames' shrinking, flow both ways at 256 pixels, and tracks. Asked for:
at most a quarter.
""".strip()


def footage(num_frames: int) -> np.ndarray:
    """A textured wall before a panning camera, a disc moving on it; 1080p."""
    rng = np.random.default_rng(0)
    wall = np.full((1080, 1920 + 4 * num_frames, 3), 128, np.float32)
    for grain in (2, 8, 32):
        small = rng.standard_normal((1080 // grain + 2, wall.shape[1] // grain + 2, 3))
        wall += 25 * cv2.resize(small.astype(np.float32), wall.shape[1::-1])
    wall = wall.clip(0, 255).astype(np.uint8)
    frames = np.stack([wall[:, 4 * t : 4 * t + 1920] for t in range(num_frames)])
    for t, frame in enumerate(frames):
        cv2.circle(frame, (300 + 9 * t, 540), 160, (220, 60, 40), -1, cv2.LINE_AA)
    return frames


def seconds(work) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    load, frames = os.getloadavg()[0], footage(options.frames)
    textbook, vector, shrink = [], [], []
    for _ in range(options.rounds):
        shrink.append(seconds(lambda: observe(frames)))
        vector.append(seconds(lambda: measure(frames)))
        textbook.append(seconds(lambda: textbook_warping_error(frames)))
    pairs = options.frames - 1
    rows = [
        f"| {name} | {median(times):.2f} | {1000 * median(times) / pairs:.0f} "
        f"| {median(times) / median(textbook):.2f} |"
        for name, times in (
            ("textbook warping error", textbook),
            (f"the whole vector, {len(METRICS)} scores", vector),
            ("of it: shrinking, detail", shrink),
        )
    ]
    note = NOTE.format(
        frames=options.frames,
        rounds=options.rounds,
        load=load,
        cores=os.cpu_count(),
        count=len(METRICS),
    )
    table = "| what | seconds | ms a pair | of the textbook's |\n|---|---|---|---|\n"
    text = f"# What checking costs\n\n{table}" + "\n".join(rows) + f"\n\n{note}\n"
    print(text)
    RESULT.write_text(text)


if __name__ == "__main__":
    main()
