"""Permanence: what goes out of sight has a reason to, and comes back where it must.

An object may leave at the picture's border or behind another object. One that ends anywhere else
has vanished; one that went behind another must come out again once the time to pass it, at the
speed it had, is well over.
"""

import numpy as np

from kinema.metrics.objects.finding import Finding, needs_objects
from kinema.metrics.objects.tracks import Followed, ObjectTrack

PATIENCE = 1.5  # times the time to pass the occluder
PARTLY = 0.75  # of its usual area: what shows less is about to be hidden
SLOW = 0.02  # diameters a frame: slower than this nobody can say when it must come out


@needs_objects("unexplained disappearances")
def permanence(objects: Followed) -> Finding:
    """Tell whether every disappearance has a cause. Value: the number that have none, 0 and up.

    Looked at: every object that is seen for at least three frames.
    """
    frames = [t for track in objects.tracks for t in vanishings(track, objects)]
    return Finding(not frames, len(frames), frames=sorted(frames), count=len(objects.tracks))


def vanishings(track: ObjectTrack, objects: Followed) -> list[int]:
    """Find the frames after which an object is gone for no reason."""
    seen = np.flatnonzero(track.seen)
    gaps = [int(a) for a, b in zip(seen[:-1], seen[1:], strict=True) if b - a > 1]
    gone = [a for a in gaps if not leaves(track, a, objects)]
    if track.last < objects.num_frames - 1 and not may_stay_away(track, objects):
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
    ahead = track.centers[t] + 1.5 * forward * speed(track, t, -forward)
    radius = track.diameter / 2
    edge = np.array(objects.size[::-1])
    if (ahead < radius).any() or (ahead > edge - 1 - radius).any():
        return True
    others = [other for other in objects.tracks if other is not track and other.seen[t]]
    reach = [0.9 * (radius + other.diameter / 2) for other in others]
    away = [float(np.linalg.norm(other.centers[t] - ahead)) for other in others]
    return any(a < r for a, r in zip(away, reach, strict=True))


def speed(track: ObjectTrack, t: int, towards: int, over: int = 4) -> np.ndarray:
    """Average the velocity (2,), pixels per frame, over the frames before (-1) or after (1) t."""
    times = [s for s in range(t, t + towards * (over + 1), towards) if 0 <= s < len(track.areas)]
    times = [s for s in times if track.seen[s]]
    if len(times) < 2:
        return np.zeros(2)
    span = times[-1] - times[0]
    return (track.centers[times[-1]] - track.centers[times[0]]) / span


def may_stay_away(track: ObjectTrack, objects: Followed) -> bool:
    """Tell whether an object may be out of sight from its last frame to the end of the clip."""
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
