"""Flow methods against the exact flow of the tabletop, written to docs/results/flow.md.

    python benchmarks/flow.py [--num_clips 24] [--raft raft-things.pth]

The end-point error is averaged over pixels that move and over pixels that stand still, one pair of
frames a clip; beside it what standing still would score. Intervals are 95 % over resampled clips.
"""

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from kinema.motion.flow import FLOW_METHODS, flow_method
from kinema.worlds import Rendering, tabletop

PAGE = Path(__file__).parents[1] / "docs" / "results" / "flow.md"
SIZE, MOVES = 128, 0.3  # pixels a side; pixels per frame from which a pixel moves


def errors(flow: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Mean end-point error of the pixels that move and of those that do not, in pixels."""
    error, moving = np.linalg.norm(flow - truth, axis=-1), np.linalg.norm(truth, axis=-1) > MOVES
    return (float(error[moving].mean()) if moving.any() else np.nan, float(error[~moving].mean()))


def interval(values: np.ndarray) -> str:
    """Mean and 95 % interval over resampled clips; clips where nothing moves are left out."""
    values, generator = values[np.isfinite(values)], np.random.default_rng(0)
    means = [generator.choice(values, len(values)).mean() for _ in range(1000)]
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num_clips", type=int, default=24)
    parser.add_argument("--raft", help="weights, to add its row")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    names = [name for name in FLOW_METHODS if name != "raft" or options.raft]
    methods = {n: flow_method(n, options.raft if n == "raft" else None) for n in names}
    still = {"no motion (floor)": lambda a, b: np.zeros((*a.shape[:2], 2), np.float32)}
    seeds = list(range(options.num_clips))
    clips = tabletop.render(seeds, Rendering(num_frames=3, size=SIZE, level=2, truth=True))
    rows = [
        f"Level 2 of the tabletop, {options.num_clips} clips of {SIZE} x {SIZE}, one pair of",
        "frames each, one thread; methods at the settings of `kinema check --flow`.",
        "",
        "| method | error where it moves, px | error where it stands still, px | CPU ms a pair |",
        "|---|---|---|---|",
    ]
    for name, method in (still | methods).items():
        began = time.process_time()
        found = [errors(method(*c.frames[1:3]), c.truth.flow_forward[1]) for c in clips]
        spent = 1000 * (time.process_time() - began) / len(clips)
        moving, resting = (interval(np.array(column)) for column in zip(*found, strict=True))
        rows.append(f"| {name} | {moving} | {resting} | {spent:.0f} |")
    command = f"python {' '.join(['benchmarks/flow.py', *sys.argv[1:]])}"
    text = "\n".join(["# Flow", "", f"Written by `{command}`.", "", *rows, ""])
    PAGE.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
