"""The figure of docs/concepts.md: plans as matrices, drawn from the functions that make them.

python docs/figures/plans.py        # writes docs/assets/plans.svg
"""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "kinema"  # the same figure, byte for byte, every time

import matplotlib.pyplot as plt  # noqa: E402 (the backend comes first)

from kinema.sampling import plans  # noqa: E402

NUM_STEPS, NUM_FRAMES = 8, 9
TARGET = Path(__file__).parents[1] / "assets" / "plans.svg"

PLANS = {
    "text to video": plans.together(NUM_STEPS, NUM_FRAMES),
    "image to video": plans.given_frames(NUM_STEPS, NUM_FRAMES),
    "continuation": plans.given_frames(NUM_STEPS, NUM_FRAMES, given=4),
    "interpolation": plans.given_frames(NUM_STEPS, NUM_FRAMES, given=[0, 4, 8]),
    "rolling": plans.staircase(NUM_STEPS // 2, NUM_FRAMES, delay=1),
    "video to video": plans.together(plans.times(NUM_STEPS, strength=0.6), NUM_FRAMES),
}


def main() -> None:
    figure, axes = plt.subplots(2, 3, figsize=(7.2, 4.6), layout="constrained")
    for axis, (name, plan) in zip(axes.flat, PLANS.items(), strict=True):
        picture = axis.imshow(plan, cmap="magma", vmin=0, vmax=1, aspect="auto")
        axis.set_title(name, fontsize=10)
        axis.set_xticks([]), axis.set_yticks([])
    for axis in axes[1]:
        axis.set_xlabel("frames", fontsize=8)
    for axis in axes[:, 0]:
        axis.set_ylabel("steps, downwards", fontsize=8)
    bar = figure.colorbar(picture, ax=axes, shrink=0.8, ticks=[0, 1])
    bar.ax.set_yticklabels(["0, clean", "1, noise"], fontsize=8)
    TARGET.parent.mkdir(exist_ok=True)
    figure.savefig(TARGET, metadata={"Date": None})


if __name__ == "__main__":
    main()
