"""Where things are hidden, and how to tell that they came out again."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from kinema.judges import tabletop as judge
from kinema.judges.discs import read_disc
from kinema.metrics.evidence import true_runs
from kinema.probes.drift.worlds import ASKED, SIZE_TOLERANCE
from kinema.probes.unseen import FIRST_SEED
from kinema.video import System
from kinema.worlds import Rendering, discs, tabletop


@dataclass(frozen=True)
class Outcome:
    """What a video shows after the occlusion."""

    survived: bool  # whether the object comes out as itself
    late: int | None = None  # frames after its true reappearance; None where nobody can tell
    off: float | None = None  # units from its true place, where it survived and the world tells


@dataclass(frozen=True)
class Hidden:
    """A scene in which an object is hidden."""

    label: str  # tells its videos from those of other scenes
    seed: int  # of the scene and of its videos
    caption: str  # its prompt
    start: int  # the first frame in which the object is hidden, the first that is made
    stop: int  # the first frame in which it is seen again, wholly where the world can tell
    last: int  # the last frame before `start` in which it is seen, wholly where the world can tell
    again: int  # the first frame after `start` in which something of it is seen
    frames: np.ndarray  # uint8 (f h w 3), the true clip until some frames after `stop`
    read: Callable[[np.ndarray], Outcome]  # the frames of a video from `start` on -> what they show

    @property
    def gap(self) -> int:
        """Frames that must be seen back when it comes out, to see it as it was."""
        return self.again - self.last

    @property
    def true(self) -> np.ndarray:
        """The true frames from `start` on."""
        return self.frames[self.start :]

    @property
    def held(self) -> np.ndarray:
        """The last given frame in the place of all that follow."""
        return self.frames[self.start - 1 : self.start].repeat(len(self.true), axis=0)


class World(ABC):
    """A world in which things are hidden."""

    model: str  # the system that is measured unless others are named
    note: str  # what a reader of the report should know of its scenes and figures
    most_tried: int  # scenes looked at for each length
    tolerance: float  # an occlusion counts as of a length within this share of it
    earliest: int  # frames that must show the object before it is hidden

    def scenes(self, length: int, count: int, system: System) -> list[Hidden]:
        """Return scenes with an occlusion of about `length` frames, at most `count` of them."""
        seeds = range(FIRST_SEED, FIRST_SEED + self.most_tried)
        found = (self.scene(seed, length, system) for seed in seeds)
        return list(islice((scene for scene in found if scene is not None), count))

    @abstractmethod
    def scene(self, seed: int, length: int, system: System) -> Hidden | None:
        """Return the scene of a seed; None if it hides nothing for about `length` frames."""


class Tabletop(World):
    """A subject behind another object, which the judge looks for."""

    model = "tabletop"
    note = (
        "Subjects are hidden behind another object for about so many frames. The figure is the "
        "share, in % with 95 % Wilson intervals, whose color and shape the judge reads from the "
        "frames after the true subject comes out. The prompt names the subject."
    )
    most_tried = 600
    tolerance = 0.35
    earliest = 5

    def __init__(self) -> None:
        self.network = judge.load()

    def scene(self, seed: int, length: int, system: System) -> Hidden | None:
        """Return the scene of a seed if its subject is behind something for about that long."""
        scene = tabletop.sample_scene(seed, level=2)
        if scene.attributes.relation != "behind":
            return None
        span = self.occlusion(scene, length, system.fps)
        if span is None:
            return None
        start, stop = span
        asked, total = judge.true_answers(scene.attributes), stop + system.num_frames
        (clip,) = tabletop.render([seed], Rendering(total, system.size, 2, fps=system.fps))

        def read(frames: np.ndarray) -> Outcome:
            (answers,) = judge.read(self.network, [frames[stop - start :]], system.fps)
            return Outcome(all(answers[question] == asked[question] for question in ASKED))

        label = f"tabletop-{seed - FIRST_SEED}-from-{start}"
        last, again = start - 1, stop  # more than half of it counts as seen
        return Hidden(label, seed, scene.caption, start, stop, last, again, clip.frames, read)

    def occlusion(self, scene: tabletop.Scene, length: int, fps: float) -> tuple[int, int] | None:
        """Return the first frame with the subject hidden, and the first with it seen again.

        None unless it is hidden for about `length` frames, after and before it is seen.
        """
        size = (32, 32)  # enough to see who is in front
        frames = self.earliest + 4 * length
        truth = tabletop.render_scene(scene, Rendering(frames, size, fps=fps, truth=True)).truth
        assert truth is not None
        for start, stop in true_runs(truth.tracks["visible"][0] < 0.5):
            is_about = abs(stop - start - length) <= self.tolerance * length
            if is_about and start >= self.earliest and stop < frames:
                return start, stop
        return None


class Curtain(World):
    """A disc that crosses behind a curtain, all read off the pixels."""

    model = "physics-curtain"
    note = (
        "Discs are wholly hidden behind a curtain for about so many frames. The figure is the "
        "share, in % with 95 % Wilson intervals, that comes out as itself: within 6 frames "
        "after the true disc is wholly seen again, and while it still is, one whole disc is "
        "read, of the true color (of six) and with a radius within 20 % of the true one. A disc "
        "of random color and radius would pass in 8 %. *Late* is the mean |frames| between the "
        "moments at which the true disc and the made one are first read so, of the videos in "
        "which the disc is read. *Off* is the mean distance of its center from the true one "
        "where it survived, in units of a box of 10 x 10. No prompt says what is hidden."
    )
    most_tried = 10_000
    tolerance = 0.125
    earliest = 8  # frames of the whole disc
    latest = 6  # frames after it is whole again, in which it must be read
    after = 16  # frames of a video after that moment
    longest = 200  # frames of a scene that are looked at

    def scene(self, seed: int, length: int, system: System) -> Hidden | None:
        """Return the scene of a seed if its disc crosses out of sight for about that long."""
        scene = discs.sample_scene(seed, discs.LAWS["curtain"])
        span = self.occlusion(scene, length, system.fps)
        if span is None:
            return None
        start, stop = span
        total, level = stop + self.after, discs.LAWS["curtain"]
        clip = discs.render_scene(scene, Rendering(total, system.size, level, fps=system.fps))
        (centers,) = scene.motion(np.arange(total) / system.fps)[0]
        visible = scene.visible(centers[None])[0]
        last = stop + int(np.cumprod(visible[stop : stop + self.latest] == 1.0).sum())
        awaited, true = slice(stop - start, last - start), centers[start:]
        (whole,) = np.nonzero(is_itself(clip.frames[start:], scene)[0])

        def read(frames: np.ndarray) -> Outcome:
            seen, places = is_itself(frames, scene)
            (found,) = np.nonzero(seen)
            if not len(found):
                return Outcome(False)
            late = int(found[0] - whole[0])
            in_time = found[(found >= awaited.start) & (found < awaited.stop)]
            if not len(in_time):
                return Outcome(False, late)
            off = np.linalg.norm(places[in_time[0]] - true[in_time[0]])
            return Outcome(True, late, float(off))

        label = f"curtain-{seed - FIRST_SEED}-from-{start}"
        last_whole = int(np.flatnonzero(visible[:start] == 1.0)[-1])
        again = start + int(np.argmax(visible[start:] > 0.0))
        return Hidden(label, seed, clip.caption, start, stop, last_whole, again, clip.frames, read)

    def occlusion(self, scene: discs.DiscScene, length: int, fps: float) -> tuple[int, int] | None:
        """Return the first frame with the disc wholly hidden, and the first with it whole again.

        None unless it is hidden for about `length` frames, and goes in and comes out in sight.
        """
        if scene.curtain is None:
            return None
        (centers,) = scene.motion(np.arange(self.longest) / fps)[0]
        visible = scene.visible(centers[None])[0]
        is_left = centers[:, 0] < np.mean(scene.curtain)
        for entry, stop in true_runs(visible < 1.0):
            before, hidden = entry - self.earliest, visible[entry:stop] == 0.0
            is_seen = before >= 0 and (visible[before:entry] == 1.0).all() and stop < self.longest
            is_about = abs(hidden.sum() - length) <= self.tolerance * length
            if is_seen and is_about and is_left[entry] != is_left[stop]:
                return entry + int(hidden.argmax()), stop
        return None


def is_itself(frames: np.ndarray, scene: discs.DiscScene) -> tuple[np.ndarray, np.ndarray]:
    """Tell which frames, uint8 (f h w 3), show one whole disc of the scene's color and size.

    Returns:
        (f,) bool, and the disc's centers (f 2), units.
    """
    seen, radius = read_disc(frames, scene.curtain), scene.radii[0]
    is_sized = np.abs(np.nan_to_num(seen.radii) - radius) <= SIZE_TOLERANCE * radius
    return seen.whole & (seen.colors == scene.color) & is_sized, seen.centers


WORLDS: dict[str, type[World]] = {"curtain": Curtain, "tabletop": Tabletop}
