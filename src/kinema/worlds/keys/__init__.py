"""What keys drive: a disc in a box, or the view over a ground of discs, with inertia and drag.

Four keys push to the left, to the right, up and down. A clip comes with the keys that were held
(`WorldClip.controls["actions"]`), so that a model can be trained to obey them.
"""

from kinema.worlds.keys.driving import (
    DRAG,
    FPS,
    HOLDS,
    KEYS,
    LEVELS,
    PUSH,
    RADIUS,
    REBOUND,
    SPLITS,
    Drive,
    driven,
    sample_drive,
)
from kinema.worlds.keys.render import GROUND, disc_frames, ground_frames, landmarks, render

__all__ = [
    "DRAG", "FPS", "GROUND", "HOLDS", "KEYS", "LEVELS", "PUSH", "RADIUS", "REBOUND", "SPLITS",
    "Drive", "disc_frames", "driven", "ground_frames", "landmarks", "render", "sample_drive",
]  # fmt: skip
