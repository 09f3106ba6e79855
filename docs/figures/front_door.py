"""Draw four pictures of README in docs/assets: check.png, train.png, story.png, drift.png.

python docs/figures/front_door.py                # all of them; trains two small models first
python docs/figures/front_door.py story drift    # some of them
"""

import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import kinema
from kinema import clips
from kinema.recipes import physics_uniform
from kinema.worlds import Rendering, discs

DOCS = Path(__file__).parents[1]
ASSETS = DOCS / "assets"
ORANGE = "#d9480f"
BROKEN = slice(12, 20)  # frames whose exposure is changed
STAGES = (320, 8_000)  # clips seen
UNSEEN = 1_000_000_000  # seeds from here on are of no training clip
STORY = "0: a red ball rolls to the right; 33: a blue cube spins"


def draw_check() -> None:
    """Draw the curve of `gain_flicker` over a clip whose exposure flickers in eight frames."""
    video = kinema.load("tabletop")("a red ball rolls to the right", seed=0)
    broken = video.frames[0].astype(float)
    broken[BROKEN] *= np.where(np.arange(8) % 2, 0.7, 1.0)[:, None, None, None]
    broken = broken.round().astype(np.uint8)
    report = kinema.check(broken, fps=16)
    figure, (above, below) = plt.subplots(2, figsize=(10, 3.2), height_ratios=(1, 1.2))
    above.imshow(np.concatenate(list(broken[9:21]), axis=1))
    above.set_title("frames 9 to 20", fontsize=10)
    above.axis("off")
    curve = report.scores["gain_flicker"].curve
    below.plot(curve, color=ORANGE)
    below.axvspan(BROKEN.start, BROKEN.stop - 1, color=ORANGE, alpha=0.12)
    below.set(xlabel="frame", ylabel="gain_flicker", xlim=(0, len(curve) - 1), ylim=(0, None))
    found = [f"{one.name}, confidence {one.confidence:.2f}" for one in report.failures]
    below.set_title(f"kinema check finds: {'; '.join(found) or 'nothing'}", fontsize=10)
    save(figure, "check.png")


def draw_train() -> None:
    """Draw how models that saw few and many clips go on from three frames of an unseen clip."""
    truth = discs.render([UNSEEN], Rendering(num_frames=32, size=32, level=1))[0]
    start = clips.Clip(truth.frames[:3], discs.FPS)
    rows, labels = [truth.frames], ["the true clip, of which the model sees the first three frames"]
    for stage, model in [*((n, trained(n)) for n in STAGES), (100_000, "physics-uniform")]:
        video = kinema.load(str(model))("", continue_from=start, num_frames=29, seed=0)
        rows.append(video.frames[0])
        labels.append(f"after {stage:,} clips")
    border = ((0, 0), (1, 1), (1, 1), (0, 0))
    rows = [np.pad(row, border, constant_values=200) for row in rows]
    clips.contact_sheet(rows, ASSETS / "train.png", labels, columns=11, cell=80)


def trained(num_samples: int) -> Path:
    """Train the recipe physics-uniform on so many clips, unless a run has done so."""
    run = physics_uniform()
    run.folder, run.loop.num_samples = f"runs/front_door-{num_samples}", num_samples
    final = Path(run.folder) / "final"
    if not final.exists():
        run.train()
    return final


def draw_story() -> None:
    """Draw frames of one video whose prompt changes at frame 33."""
    video = kinema.load("tabletop")(STORY, num_frames=66, seed=0)
    labels = [f"frames 0 to 32: {STORY[3:32]}", f"frames 33 to 65: {STORY[38:]}"]
    rows = [video.frames[0, :33], video.frames[0, 33:]]
    clips.contact_sheet(rows, ASSETS / "story.png", labels, columns=10, cell=96)


def draw_drift() -> None:
    """Draw two figures of a thousand frames, from the record of `kinema probe drift`."""
    record = json.loads((DOCS / "results" / "drift_box.json").read_text())
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.2))
    shown = {"motion": "motion, pixels a frame", "whole": "frames with one whole disc, share"}
    for axis, (key, title) in zip(axes, shown.items(), strict=True):
        for name, scenes in record["curves"].items():
            values = np.array([scene[key] for scene in scenes], dtype=float).mean(0)
            style = {"true continuation": "k-", "frozen": "k:"}.get(name, "-")
            axis.plot(record["places"], values, style, label=name.removeprefix("physics-box, "))
        axis.set(xlabel="frame")
        axis.set_title(title, fontsize=10)
    axes[1].legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, "drift.png")


def save(figure: plt.Figure, name: str) -> None:
    figure.tight_layout()
    figure.savefig(ASSETS / name, dpi=100)
    plt.close(figure)


DRAWINGS = {"check": draw_check, "train": draw_train, "story": draw_story, "drift": draw_drift}

if __name__ == "__main__":
    for name in sys.argv[1:] or DRAWINGS:
        DRAWINGS[name]()
