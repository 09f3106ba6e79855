"""What the probe asks of a world: scenes that go on in truth, and how to read a made segment."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kinema.judges import tabletop as judge
from kinema.judges.discs import is_one_disc, pace_error, read_discs
from kinema.video import System
from kinema.worlds import Rendering, discs, tabletop

ASKED = ("color", "shape")  # of the subject: what a video should hold on to
SIZE_TOLERANCE = 0.2  # of the radius


@dataclass(frozen=True)
class TrueScene:
    """A scene and what is true of it."""

    caption: str  # its prompt
    frames: np.ndarray  # uint8 (f h w 3), the opening and the true continuation
    # (a segment of a video of it, uint8 (f h w 3); its first frame) -> the world's own figures, the
    # keys of its `titles`
    read: Callable[[np.ndarray, int], dict[str, float]]


class World(ABC):
    """A world of which long videos are made."""

    model: str  # the system that is measured unless others are named
    titles: dict[str, str]  # figure -> what its plot is called
    note: str  # what a reader of the report should know of its scenes and figures

    def __init__(self, level: int) -> None:
        self.level = level

    @abstractmethod
    def scene(self, seed: int, num_frames: int, system: System) -> TrueScene:
        """Return the scene of a seed at the size and rate of a system."""


class Tabletop(World):
    """Solids on a table; the judge reads whether the subject has its color and shape."""

    model = "tabletop"
    titles = {"judge": "judge: color and shape right"}
    note = (
        "Objects of the tabletop come to rest after a few seconds; from then on the true motion is "
        "0."
    )

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.network = judge.load()

    def scene(self, seed: int, num_frames: int, system: System) -> TrueScene:
        scene = tabletop.sample_scene(seed, self.level)
        rendering = Rendering(num_frames, system.size, self.level, fps=system.fps)
        (clip,) = tabletop.render([seed], rendering)
        asked = judge.true_answers(scene.attributes)

        def read(segment: np.ndarray, start: int) -> dict[str, float]:
            answers = judge.read(self.network, [segment], system.fps)[0]
            return {"judge": float(np.mean([answers[q] == asked[q] for q in ASKED]))}

        return TrueScene(scene.caption, clip.frames, read)


class Box(World):
    """A disc in a closed box, which never rests; what there is of it is read off the pixels."""

    model = "physics-box"
    titles = {
        "whole": "one whole disc (share of frames)",
        "radius error": "radius error (units)",
        "speed error": "speed error (units/s)",
    }
    note = (
        "A disc flies in a closed box of 10 x 10 units and never stops. *Whole* is the share of "
        "frames that show a single disc of the right color, with a radius within 20 % of the true "
        "one. *Radius error* is a mean over all frames; a frame without a disc counts as a radius "
        "of 0. *Speed error* is the distance between the mean |velocity| along x and along y and "
        "that of the true positions in the same frames. Sooner or later the disc is elsewhere than "
        "the true one, so its velocity differs too."
    )

    def scene(self, seed: int, num_frames: int, system: System) -> TrueScene:
        scene = discs.sample_scene(seed, self.level)
        rendering = Rendering(num_frames, system.size, self.level, fps=system.fps)
        clip = discs.render_scene(scene, rendering)
        places = scene.motion(np.arange(num_frames) / system.fps)[0][0]  # (f 2)
        radius = float(scene.radii[0])

        def read(segment: np.ndarray, start: int) -> dict[str, float]:
            (centers,), (radii,) = read_discs(segment)
            off = np.abs(np.nan_to_num(radii) - radius)
            whole = is_one_disc(segment) & (off <= SIZE_TOLERANCE * radius)
            true = places[start : start + len(segment)]
            return {
                "whole": float(whole.mean()),
                "radius error": float(off.mean()),
                "speed error": pace_error(centers, true, system.fps),
            }

        return TrueScene(clip.caption, clip.frames, read)


WORLDS: dict[str, tuple[type[World], int]] = {  # name -> what it is, and its level
    "tabletop": (Tabletop, 1),
    "tabletop-2": (Tabletop, 2),
    "tabletop-3": (Tabletop, 3),
    "tabletop-4": (Tabletop, 4),
    "box": (Box, discs.LAWS["box"]),
}
