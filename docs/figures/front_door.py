"""Draw the four pictures of README: check.png, story.png, drift.png in docs/assets.

python docs/figures/front_door.py
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy import ndarray

import kinema

DOCS = Path(__file__).parents[1]
ASSETS = DOCS / "assets"
BROKEN = slice(12, 20)  # frames whose exposure is changed


def draw_check(frames: ndarray) -> None:
    """Draw the curve of `gain_flicker` over a clip whose exposure flickers in eight frames."""
    broken = frames.astype(float)
    broken[BROKEN] *= np.where(np.arange(8) % 2, 0.7, 1.0)[:, None, None, None]
    broken = broken.round().astype(np.uint8)
    report = kinema.check(broken, fps=16)
    figure, (above, below) = plt.subplots(2, figsize=(10, 3), height_ratios=(1, 1.4))
    above.imshow(np.concatenate(list(broken[9:21]), axis=1))
    above.axis("off")
    curve = report.scores["gain_flicker"].curve
    below.plot(curve, color="#d9480f")
    below.axvspan(BROKEN.start, BROKEN.stop - 1, color="#d9480f", alpha=0.12)
    found = ", ".join(f"{one.name} ({one.confidence:.0%})" for one in report.failures) or "nothing"
    below.set(xlabel="frame", ylabel="gain_flicker", title=f"found: {found}", xlim=(0, len(curve)))
    save(figure, "check.png")


def draw_drift() -> None:
    """Draw two figures of a thousand frames, from the record of `kinema probe drift`."""
    record = json.loads((DOCS / "results" / "drift_box.json").read_text())
    figure, axes = plt.subplots(1, 2, figsize=(10, 3))
    shown = {"motion": "motion, pixels a frame", "whole": "clips with one whole disc, share"}
    for axis, (key, title) in zip(axes, shown.items(), strict=True):
        for name, clips in record["curves"].items():
            values = np.array([clip[key] for clip in clips], dtype=float).mean(0)
            style = {"true continuation": "k-", "frozen": "k:"}.get(name, "-")
            axis.plot(record["places"], values, style, label=name.removeprefix("physics-box, "))
        axis.set(title=title, xlabel="frame")
    axes[1].legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, "drift.png")


def save(figure: plt.Figure, name: str) -> None:
    figure.tight_layout()
    figure.savefig(ASSETS / name, dpi=100)
    plt.close(figure)


pipe = kinema.load("tabletop")
draw_check(pipe("a red ball rolls to the right", seed=0).frames[0])
draw_drift()
