"""Draw the pictures of the tutorial in docs/assets, from the files that its commands make.

python docs/figures/tutorial.py     # in the folder where the commands of the tutorial ran
"""

from pathlib import Path

import numpy as np

from kinema import clips

ASSETS = Path(__file__).parents[1] / "assets"
FAULTS = ("flicker", "frozen", "noise", "blur")


def draw(files: list[str], labels: list[str], name: str) -> None:
    """Draw clips below each other, each frame in a gray border."""
    border = ((0, 0), (1, 1), (1, 1), (0, 0))
    rows = [np.pad(clips.read(file).frames, border, constant_values=200) for file in files]
    clips.contact_sheet(rows, ASSETS / name, labels, columns=11, cell=80)


draw([f"discs/clip_{i:05}.mp4" for i in range(4)], [""] * 4, "tutorial-clips.png")
labels = ["the true clip", "three true frames, and how the model goes on"]
draw(["discs/clip_00000.mp4", "next.mp4"], labels, "tutorial-next.png")
draw([f"broken/{fault}.mp4" for fault in FAULTS], list(FAULTS), "tutorial-faults.png")
