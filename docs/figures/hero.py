"""Draw docs/assets/hero.png: what the weights that ship make of six prompts, one seed, unpicked.

python docs/figures/hero.py
"""

from pathlib import Path

import kinema
from kinema.clips import contact_sheet

PROMPTS = [
    "a red ball rolls to the right",
    "a green cube slides to the left on a black table",
    "a yellow cone falls onto a brown table",
    "a blue cylinder bounces up and down",
    "a cyan ball rolls away from the camera",
    "a red ball rolls to the right behind a blue cube",
]

video = kinema.load("tabletop")(PROMPTS, seed=0)
target = Path(__file__).parents[1] / "assets" / "hero.png"
contact_sheet(list(video.frames), target, labels=PROMPTS)
