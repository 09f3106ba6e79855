"""Conservation: as many objects as before, each of its own size and color.

Counts may change at the border and behind other objects. Size may change slowly (things come
nearer) and swing (things turn), but not at once. Color may change a little with the light.
"""

from collections.abc import Callable

import numpy as np

from kinema.metrics.objects.finding import Finding, cannot_tell, needs_objects
from kinema.metrics.objects.permanence import leaves
from kinema.metrics.objects.tracks import Followed, ObjectTrack

MOST_GROWTH = 25.0  # percent of the area from one frame to the next, beyond the usual change
MOST_RECOLORING = 15.0  # CIELAB units
SPARSE = 5  # frames that an object must be seen to be judged
MOSTLY = 0.6  # of its usual area: what shows less may show only its rim


@needs_objects("objects too many or too few")
def conserved_count(objects: Followed) -> Finding:
    """Tell whether objects come and go only at the border or behind others.

    Value: objects too many plus objects too few, 0 and up: those that first or last appear in the
    open, within the clip.
    """
    frames = []
    for track in objects.tracks:
        if track.first > 0 and not leaves(track, track.first, objects, forward=-1):
            frames.append(track.first)
        if track.last < objects.num_frames - 1 and not leaves(track, track.last, objects):
            frames.append(track.last + 1)
    return Finding(not frames, len(frames), frames=sorted(frames), count=len(objects.tracks))


@needs_objects("% of the area at once")
def conserved_size(objects: Followed) -> Finding:
    """Tell whether no object grows or shrinks at once.

    Value: the largest change of area between neighboring frames that lasts for two frames or more,
    beyond the larger of the changes before and after it, percent; 0 for whatever grows or turns
    steadily. Only frames in which the object is whole count. Slow growth is not told from coming
    nearer.
    """
    return worst_change(objects, sudden_growth, MOST_GROWTH)


@needs_objects("CIELAB units")
def conserved_color(objects: Followed) -> Finding:
    """Tell whether every object keeps its color.

    Value: the largest distance of an object's median chroma from what it was in its first frames,
    CIELAB units, after a median over three frames; about 2 can be seen, 60 is red to green.
    """
    return worst_change(objects, recoloring, MOST_RECOLORING)


def worst_change(
    objects: Followed, measure: Callable[[ObjectTrack], np.ndarray], limit: float
) -> Finding:
    """Find the worst frame of the worst object."""
    curves = [measure(track) for track in objects.tracks]
    judged = [curve for curve in curves if np.isfinite(curve).sum() >= SPARSE]
    if not judged:
        return cannot_tell(f"no object is seen well for {SPARSE} frames")
    value = float(np.nanmax(judged))
    frames = np.flatnonzero((np.stack(judged) > limit).any(0))
    return Finding(value <= limit, value, frames=frames.tolist(), count=len(judged))


def sudden_growth(track: ObjectTrack) -> np.ndarray:
    """(f,) percent by which the area changes from the frame before, beyond what is usual there."""
    octaves = np.log2(np.where(track.whole, track.areas, np.nan))
    growth = np.full(len(octaves), np.nan)
    for t in range(2, len(octaves) - 1):
        earlier, before, now, later = octaves[t - 2 : t + 2]
        step = now - before
        lasting = min(abs(step), max(0.0, np.sign(step) * (later - earlier)))
        usual = max(abs(before - earlier), abs(later - now))
        growth[t] = 100 * (2 ** max(lasting - usual, 0.0) - 1) if np.isfinite(usual) else np.nan
    return growth


def recoloring(track: ObjectTrack) -> np.ndarray:
    """(f,) distance of the chroma from that of the first frames, NaN where too little shows."""
    usual = np.pi * track.diameter**2 / 4
    times = np.flatnonzero(np.nan_to_num(track.areas) >= MOSTLY * usual)
    chroma = track.colors[times, 1:]
    smooth = np.stack([np.median(chroma[max(0, i - 1) : i + 2], axis=0) for i in range(len(times))])
    change = np.full(len(track.areas), np.nan)
    change[times] = np.linalg.norm(smooth - np.median(chroma[:SPARSE], axis=0), axis=1)
    return change
