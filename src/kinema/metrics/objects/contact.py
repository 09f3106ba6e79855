"""Contact: solids do not enter each other, and nothing acts before it touches."""

import numpy as np

from kinema.metrics.objects.finding import Finding, cannot_tell, needs_objects
from kinema.metrics.objects.impacts import side_speeds
from kinema.metrics.objects.tracks import Followed, ObjectTrack

DEEPEST = 30.0  # percent of the smaller width
ON_ONE_LINE = 0.12  # of the smaller height: feet no further apart stand at one depth
ABRUPT = 0.45  # of an object's largest speed: a smaller change of speed is friction
LEAST_KINK = 0.045  # diameters a frame: less is the wobble of things that turn
NEAR = 0.15  # of the diameter: no more than this is a touch
LATEST = 2  # frames between an effect and its cause
BOUNCE_SPAN = 4  # frames on each side of a bounce
LEAST_RISE = 0.05  # diameters of height on each side of it


@needs_objects("% of the smaller width")
def interpenetration(objects: Followed, planar: bool = False) -> Finding:
    """Measure how deep objects at one depth enter each other, percent of the smaller width.

    What both cover together, from the outermost edge to the outermost edge, against the sum of
    their own widths when apart. Objects whose feet lie on different lines pass one another; if
    everything lies in one plane, as discs on paper do, feet mean nothing, and whatever meets on one
    level must not overlap.
    """
    depths, frames, met = [], set(), 0
    for i, one in enumerate(objects.tracks):
        for other in objects.tracks[:i]:
            depth = overlap_depth(one, other, planar)
            met += bool(np.isfinite(depth).any())
            depths.append(np.nanmax(depth) if np.isfinite(depth).any() else np.nan)
            frames |= set(np.flatnonzero(depth > DEEPEST).tolist())
    if not met:
        return cannot_tell("no two objects meet at one depth")
    deepest = float(np.nanmax(depths))
    return Finding(deepest <= DEEPEST, deepest, frames=sorted(frames), count=met)


def overlap_depth(one: ObjectTrack, other: ObjectTrack, planar: bool) -> np.ndarray:
    """(f,) percent of the smaller width; NaN where they are not near each other at one depth."""
    both = one.seen & other.seen & ~one.at_border & ~other.at_border
    widths = [own_widths(track) for track in (one, other)]
    heights = np.fmin(*(track.boxes[:, 3] - track.boxes[:, 1] for track in (one, other)))
    feet = np.abs(one.boxes[:, 3] - other.boxes[:, 3]) <= np.fmax(ON_ONE_LINE * heights, 1.5)
    centered = np.abs(one.centers[:, 1] - other.centers[:, 1])
    meets = centered < ON_ONE_LINE * heights if planar else feet & (centered < heights)
    right = np.fmax(one.boxes[:, 2], other.boxes[:, 2])
    overlap = widths[0] + widths[1] - right + np.fmin(one.boxes[:, 0], other.boxes[:, 0])
    there = both & meets & (overlap > -2)
    return np.where(there, np.clip(100 * overlap / np.fmin(*widths), 0, None), np.nan)


def own_widths(track: ObjectTrack) -> np.ndarray:
    """(f,) the width in each frame, or in the nearest one in which the object is whole."""
    times = np.flatnonzero(track.whole)
    if not len(times):
        return np.full(len(track.areas), np.nan)
    nearest = times[np.abs(np.arange(len(track.areas))[:, None] - times).argmin(1)]
    return track.boxes[nearest, 2] - track.boxes[nearest, 0]


@needs_objects("effects without a cause", at_rest=True)
def cause_before_effect(objects: Followed) -> Finding:
    """Tell whether every abrupt change of sideways motion comes with a touch. Value: those without.

    Abrupt: by 45 % of the object's largest speed within nine frames. A touch: another object or
    the border within 15 % of the diameter, or a bounce, at most two frames away.
    """
    events, frames = 0, []
    for track in objects.tracks:
        t = most_abrupt(track)
        if t is None:
            continue
        events += 1
        if not touched(track, t, objects) and not bounces(track, t):
            frames.append(t)
    if not events:
        return cannot_tell("nothing changes its motion abruptly")
    return Finding(not frames, len(frames), frames=sorted(frames), count=events)


def most_abrupt(track: ObjectTrack) -> int | None:
    """Find the frame of the greatest kink in the sideways motion; None if there is none."""
    before, after = side_speeds(track)
    kinks = np.abs(after - before)
    if not np.isfinite(kinks).any():
        return None
    t = int(np.nanargmax(kinks))
    top = max(np.nanmax(np.abs(before)), np.nanmax(np.abs(after)))
    return t if kinks[t] > max(ABRUPT * top, LEAST_KINK * track.diameter) else None


def touched(track: ObjectTrack, t: int, objects: Followed) -> bool:
    """Tell whether something is beside the object around frame t."""
    tolerance = max(2.0, NEAR * track.diameter)
    edge = np.array(objects.size[::-1])
    for s in range(max(0, t - LATEST), min(objects.num_frames, t + LATEST + 1)):
        box = track.boxes[s]
        if not track.seen[s] or track.touching[s]:
            return True
        if (box[:2] <= tolerance).any() or (box[2:] >= edge - tolerance).any():
            return True
        for other in objects.tracks:
            if other is not track and other.seen[s]:
                gap = np.fmax(box[:2] - other.boxes[s, 2:], other.boxes[s, :2] - box[2:])
                if gap.max() <= tolerance:
                    return True
    return False


def bounces(track: ObjectTrack, t: int) -> bool:
    """Tell whether the object turns from down to up around frame t."""
    y = track.centers[max(0, t - BOUNCE_SPAN) : t + BOUNCE_SPAN + 1, 1]
    y = y[np.isfinite(y)]
    if len(y) < 3:
        return False
    lowest = int(y.argmax())
    rise = min(y[lowest] - y[0], y[lowest] - y[-1])
    return bool(rise > LEAST_RISE * track.diameter)
