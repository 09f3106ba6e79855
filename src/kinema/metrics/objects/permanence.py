"""Permanence: what goes out of sight has a reason to, and comes back where it must.

An object may leave at the picture's border or behind another object. One that ends anywhere else
has vanished; one that went behind another must come out again once the time to pass it, at the
speed it had, is well over.
"""

from __future__ import annotations

import numpy as np

from kinema.metrics.evidence import Evidence
from kinema.metrics.objects.finding import Finding, cannot_tell
from kinema.metrics.objects.tracks import Followed, ObjectTrack, follow_objects

PATIENCE = 1.5  # times the time to pass the occluder
PARTLY = 0.75  # of its usual area: what shows less is about to be hidden
SLOW = 0.02  # diameters a frame: slower than this nobody can say when it must come out
UNIT = "unexplained disappearances"


def permanence(objects: Followed | np.ndarray | Evidence) -> Finding:
    """Whether every disappearance has a cause. Value: the number that have none, 0 and up.

    Looked at: every object that is seen for at least three frames. Cost: that of finding objects.
    """
    objects = objects if isinstance(objects, Followed) else follow_objects(objects)
    if objects.doubt:
        return cannot_tell(UNIT, objects.doubt)
    frames = [t for track in objects.tracks for t in _vanishings(track, objects)]
    return Finding(not frames, len(frames), UNIT, sorted(frames), len(objects.tracks))


def _vanishings(track: ObjectTrack, objects: Followed) -> list[int]:
    """The frames after which an object is gone for no reason."""
    seen = np.flatnonzero(track.seen)
    gaps = [int(a) for a, b in zip(seen[:-1], seen[1:], strict=True) if b - a > 1]
    gone = [a for a in gaps if not leaves(track, a, objects)]
    if track.last < objects.num_frames - 1 and not _may_stay_away(track, objects):
        gone.append(track.last)
    return [t + 1 for t in gone]


def leaves(track: ObjectTrack, t: int, objects: Followed, forward: int = 1) -> bool:
    """Whether an object seen in frame t may be out of sight in the next one (-1: the one before).

    It may if it touches the border or is partly hidden by another object in frame t, or will at
    its speed.
    """
    shown = track.areas[t] / (np.pi * track.diameter**2 / 4)
    if track.at_border[t] or (track.touching[t] and shown < PARTLY):
        return True
    ahead = track.centres[t] + 1.5 * forward * speed(track, t, -forward)
    radius = track.diameter / 2
    edge = np.array(objects.size[::-1])
    if (ahead < radius).any() or (ahead > edge - 1 - radius).any():
        return True
    others = [other for other in objects.tracks if other is not track and other.seen[t]]
    reach = [0.9 * (radius + other.diameter / 2) for other in others]
    away = [float(np.linalg.norm(other.centres[t] - ahead)) for other in others]
    return any(a < r for a, r in zip(away, reach, strict=True))


def speed(track: ObjectTrack, t: int, towards: int, over: int = 4) -> np.ndarray:
    """Mean velocity (2,) in pixels per frame over the frames before (-1) or after (1) frame t."""
    times = [s for s in range(t, t + towards * (over + 1), towards) if 0 <= s < len(track.areas)]
    times = [s for s in times if track.seen[s]]
    if len(times) < 2:
        return np.zeros(2)
    span = times[-1] - times[0]
    return (track.centres[times[-1]] - track.centres[times[0]]) / span


def _may_stay_away(track: ObjectTrack, objects: Followed) -> bool:
    """Whether an object may be out of sight from its last frame to the end of the clip."""
    t = track.last
    if not leaves(track, t, objects):
        return False
    if track.at_border[t] or not track.touching[t]:
        return True
    whole = np.flatnonzero(track.whole)
    entered = int(whole[-1]) if len(whole) else t  # later, the middle of what shows is slower
    others = [objects.tracks[other] for other in track.touching[t]]
    for other in others:
        away = speed(track, entered, -1) - speed(other, entered, -1)
        rate = float(np.linalg.norm(away))
        if rate < SLOW * track.diameter:
            return True
        if objects.num_frames - 1 - t <= PATIENCE * other.diameter / rate + 2:
            return True
    return False
