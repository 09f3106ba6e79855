"""Following found objects from frame to frame, and over the frames in which they are hidden.

Each blob goes to the track whose predicted place, size and hue it fits best, surest pairs first. A
track that finds no blob waits: it goes on at constant velocity, and its gate widens with the wait.
"""

from dataclasses import dataclass

import numpy as np

from kinema.metrics.evidence import Evidence
from kinema.metrics.objects.discovery import Blob, Sighting, find_objects

REACH = 1.0  # diameters that an object may be from where it is expected
WIDENING = 0.35  # of the gate, for each frame of waiting
STRUCK = 2.5  # times the reach, for what touched something: it may have been hit
HUE_GATE = 45.0  # degrees of hue that count as far as the whole gate
BRIEF = 3  # frames: what is seen no longer is a flicker of the segmentation, not an object
MOST_TRACKS = 8


@dataclass
class ObjectTrack:
    """One object over the f frames of a clip; NaN (False, 0) where it is not seen."""

    centers: np.ndarray  # (f 2) x and y, pixels at the working size, y downwards
    areas: np.ndarray  # (f,) pixels
    boxes: np.ndarray  # (f 4) left, top, right, bottom
    colors: np.ndarray  # (f 3) CIELAB
    at_border: np.ndarray  # (f,) bool
    touching: list[frozenset[int]]  # for each frame, the indices of the tracks within two pixels

    @property
    def seen(self) -> np.ndarray:
        """(f,) bool."""
        return np.isfinite(self.areas)

    @property
    def first(self) -> int:
        return int(np.flatnonzero(self.seen)[0])

    @property
    def last(self) -> int:
        return int(np.flatnonzero(self.seen)[-1])

    @property
    def whole(self) -> np.ndarray:
        """(f,) bool: seen, inside the picture, and next to nothing that could hide a part of it."""
        apart = np.array([not others for others in self.touching])
        return self.seen & ~self.at_border & apart

    @property
    def diameter(self) -> float:
        """Of a disc of the object's usual area, pixels."""
        areas = self.areas[self.whole] if self.whole.any() else self.areas[self.seen]
        return float(2 * np.sqrt(np.median(areas) / np.pi))


@dataclass(frozen=True)
class Followed:
    """The objects of a clip."""

    tracks: list[ObjectTrack]  # in order of appearance
    size: tuple[int, int]  # height and width of the working pictures
    num_frames: int  # of the clip
    fps: float  # frames per second
    doubt: str  # why objects cannot be told, or followed; "" if they can
    still: bool  # whether the background rests


def follow_objects(
    frames: np.ndarray | Evidence | Sighting, fps: float = 25.0, masks: np.ndarray | None = None
) -> Followed:
    """Find the objects of a clip, or of what `find_objects` said of it, and follow them."""
    sighting = frames if isinstance(frames, Sighting) else find_objects(frames, masks)
    chains: list[dict[int, int]] = []  # of each track: frame -> index of its blob
    for t in range(len(sighting.blobs)) if not sighting.doubt else ():
        free = extend_chains(chains, sighting.blobs, t)
        chains += [{t: index} for index in sorted(free)]
    chains = [chain for chain in chains if len(chain) > min(BRIEF, len(sighting.blobs) - 1)]
    doubt = sighting.doubt
    if len(chains) > MOST_TRACKS:
        doubt = f"{len(chains)} colored areas come and go: too many to be objects"
    names = {(t, blob): k for k, chain in enumerate(chains) for t, blob in chain.items()}
    tracks = [track_of(chain, sighting.blobs, names) for chain in chains] if not doubt else []
    return Followed(tracks, sighting.size, len(sighting.blobs), fps, doubt, sighting.still)


def extend_chains(chains: list[dict[int, int]], blobs: list[list[Blob]], t: int) -> set[int]:
    """Give frame t's blobs to tracks, cheapest pairs first; return the blobs that are left."""
    offers = []
    for k, chain in enumerate(chains):
        for i, blob in enumerate(blobs[t]):
            cost = match_cost(chain, blobs, t, blob)
            if cost < 1:
                offers.append((cost, k, i))
    taken, free = set(), set(range(len(blobs[t])))
    for _, k, i in sorted(offers):
        if k not in taken and i in free:
            chains[k][t] = i
            taken.add(k)
            free.remove(i)
    return free


def match_cost(chain: dict[int, int], blobs: list[list[Blob]], t: int, blob: Blob) -> float:
    """Rate a blob: 0 where the track expects it, 1 and more where it cannot be the same."""
    times = list(chain)[-3:]
    past = [blobs[s][chain[s]] for s in times]
    last, wait = past[-1], t - times[-1]
    velocity = np.zeros(2)
    if len(times) > 1:
        velocity = (last.center - past[0].center) / (times[-1] - times[0])
    diameter = 2 * np.sqrt(max(last.area, blob.area) / np.pi)
    gate = diameter * REACH * (1 + WIDENING * (wait - 1)) * (STRUCK if last.touching else 1)
    expected = last.center + velocity * wait
    away = min(np.linalg.norm(blob.center - expected), np.linalg.norm(blob.center - last.center))
    hue = hue_gap(last.color, blob.color) / HUE_GATE
    if hue >= 1 and (wait > 1 or away > 0.5 * diameter):
        return np.inf  # another color, elsewhere: another object
    hidden = bool(last.touching or blob.touching) or last.at_border or blob.at_border or wait > 1
    grown = 0.0 if hidden else abs(np.log2(blob.area / last.area)) / 4
    return float(away / gate + 0.25 * min(hue, 1.0) + min(grown, 0.25)) * (1.0 if hue < 1 else 0.8)


def hue_gap(one: np.ndarray, other: np.ndarray) -> float:
    """Degrees between the hues of two CIELAB colors."""
    a, b = (np.degrees(np.arctan2(color[2], color[1])) for color in (one, other))
    return float(abs((a - b + 180) % 360 - 180))


def track_of(
    chain: dict[int, int], blobs: list[list[Blob]], names: dict[tuple[int, int], int]
) -> ObjectTrack:
    f = len(blobs)
    track = ObjectTrack(
        np.full((f, 2), np.nan),
        np.full(f, np.nan),
        np.full((f, 4), np.nan),
        np.full((f, 3), np.nan),
        np.zeros(f, bool),
        [frozenset()] * f,
    )
    for t, index in chain.items():
        blob = blobs[t][index]
        track.centers[t], track.areas[t], track.boxes[t] = blob.center, blob.area, blob.box
        track.colors[t], track.at_border[t] = blob.color, blob.at_border
        near = (names.get((t, other)) for other in blob.touching)
        track.touching[t] = frozenset(name for name in near if name is not None)
    return track
