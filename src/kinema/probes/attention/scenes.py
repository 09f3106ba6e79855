"""Scenes in which one subject crosses the picture at constant velocity, and its exact track."""

from collections.abc import Iterator
from itertools import count

import numpy as np

from kinema.probes.unseen import FIRST_SEED
from kinema.worlds import Rendering, WorldClip, tabletop
from kinema.worlds.tabletop.motion import Lane
from kinema.worlds.tabletop.render import render_scene

REACH = 1.6  # world units to each side of the middle of the picture


def crossings(num_frames: int, size: int, fps: float, seed: int = 0) -> Iterator[WorldClip]:
    """Yield clips of `num_frames` >= 2 without end, with their truth; in each the subject crosses.

    The camera stands still and nothing rubs. `size` is height and width, `seed` of the first scene.
    """
    for number in count(FIRST_SEED + seed):
        scene = tabletop.sample_scene(number, 1, "all")
        subject = scene.bodies[0]
        across = abs(np.sin(subject.heading)) < 0.2
        if scene.attributes.action in ("rolls", "slides") and across:
            speed = 2 * REACH * fps / (num_frames - 1)
            inertia = subject.lane.inertia
            subject.lane = Lane(-REACH, speed, inertia=inertia, sliding=0.0, rolling=0.0)
            subject.lane.start()
            yield render_scene(scene, Rendering(num_frames, (size, size), fps=fps, truth=True))


def track_of_tokens(track: np.ndarray, num_tokens: int, frames_a_token: int) -> np.ndarray:
    """Return where the subject is while each token lasts, (num_tokens 2): the mean over its frames.

    The first token holds the first frame of the track (f 2) alone, as causal codecs do.
    """
    r = frames_a_token
    spans = [slice(max(0, r * (i - 1) + 1), r * i + 1) for i in range(num_tokens)]
    return np.stack([track[span].mean(0) for span in spans])
