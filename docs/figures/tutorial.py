"""Draw the pictures of the tutorial in docs/assets, from the files that its commands make.

python docs/figures/tutorial.py     # in the folder where the commands of the tutorial ran
"""

from pathlib import Path

from kinema import clips

ASSETS = Path(__file__).parents[1] / "assets"
CLIP = "discs/clip_00003.mp4"

made = [clips.read(path) for path in sorted(Path("discs").glob("*.mp4"))[:4]]
clips.contact_sheet(made, ASSETS / "tutorial-clips.png", [""] * 4, columns=11, cell=80)

compared = [clips.read(CLIP), clips.read("next.mp4")]
labels = ["the true clip", "three true frames, and how the model goes on"]
clips.contact_sheet(compared, ASSETS / "tutorial-next.png", labels, columns=11, cell=80)

faults = ["flicker", "noise", "blur"]
broken = [clips.read(f"broken/{name}.mp4") for name in faults]
clips.contact_sheet(broken, ASSETS / "tutorial-faults.png", faults, columns=11, cell=80)
