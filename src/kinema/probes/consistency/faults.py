"""Worlds that break one law each, made on purpose: what the probes of physics must see."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from kinema.worlds import WorldClip, discs
from kinema.worlds.discs import COLORS, EXTENT, DiscScene

NUM_FRAMES, SIZE = 32, 64
Motion = Callable[[DiscScene, np.ndarray], np.ndarray]  # centers (k f 2) at times (f,)


@dataclass(frozen=True)
class PhysicsFault:
    """A broken law."""

    probe: str  # the probe that must see it
    apply: Callable[..., np.ndarray | None]  # broken frames of a scene or a clip, if it can show it
    level: int | None = None  # of the discs, or None for a clip of the tabletop
    clean: Callable[..., np.ndarray] = lambda clip: clip.frames  # the same without the fault


# ---- discs --------------------------------------------------------------------------------------


def draw_discs(centers: np.ndarray, radii: np.ndarray, over: bool = False) -> np.ndarray:
    """Frames uint8 (f h w 3) of discs at centers (k f 2); `over`: later discs hide earlier ones."""
    share = discs.coverage(centers, radii, (SIZE, SIZE))
    if not over:
        return discs.painted(share, np.array(list(COLORS.values()))[: len(share)] - 255.0)
    frames = np.full((centers.shape[1], SIZE, SIZE, 3), 255.0)
    for cover, color in zip(share[..., None], COLORS.values(), strict=False):
        frames = frames * (1 - cover) + cover * np.array(color)
    return (frames + 0.5).clip(0, 255).astype(np.uint8)


def moved(motion: Motion, over: bool = False) -> Callable[[DiscScene], np.ndarray]:
    """The frames of a scene's discs on another motion."""

    def make(scene: DiscScene) -> np.ndarray:
        return draw_discs(motion(scene, np.arange(NUM_FRAMES) / 10), scene.radii, over)

    return make


def behind(scene: DiscScene, swallow: bool = False) -> np.ndarray:
    """A small disc passes behind a resting one of radius 1.8, or does not come out again."""
    small, screen = min(float(scene.radii[0]), 1.0), 1.8
    y = np.clip(scene.positions[0, 1], screen, EXTENT - screen)
    x = small + 4.0 * np.arange(NUM_FRAMES) / 10  # 4 units a second
    x = np.minimum(x, EXTENT / 2) if swallow else x
    places = np.stack([np.stack([x, np.full_like(x, y)], -1), np.full((len(x), 2), (5.0, y))])
    return draw_discs(places, np.array([small, screen]), over=True)


def lawful(scene: DiscScene, times: np.ndarray) -> np.ndarray:
    """The motion of the world itself."""
    return scene.motion(times)[0]


def through(scene: DiscScene, times: np.ndarray) -> np.ndarray:
    """Discs that pass through each other."""
    return scene.positions[:, None] + scene.velocities[:, None] * times[None, :, None]


def too_early(scene: DiscScene, times: np.ndarray, gap: float = 1.5) -> np.ndarray:
    """Discs that bounce while `gap` units are between them."""
    closing = scene.velocities[0, 0] - scene.velocities[1, 0]
    return struck(scene, times, scene.contact - gap / closing, scene.velocities_after())


def too_fast(scene: DiscScene, times: np.ndarray) -> np.ndarray:
    """Discs that part half as fast again as they came."""
    after = scene.velocities_after()
    return struck(scene, times, scene.contact, after + 0.25 * (after - after[::-1]))


def unmoved(scene: DiscScene, times: np.ndarray) -> np.ndarray:
    """One disc bounces off the other, which takes little notice."""
    after = scene.velocities_after()
    after[1] = scene.velocities[1] + 0.22 * (after[1] - scene.velocities[1])
    return struck(scene, times, scene.contact, after)


def upwards(scene: DiscScene, times: np.ndarray) -> np.ndarray:
    """A disc that falls up."""
    centers = scene.motion(times)[0].copy()
    centers[..., 1] = EXTENT - centers[..., 1]
    return centers


def struck(scene: DiscScene, times: np.ndarray, when: float, after: np.ndarray) -> np.ndarray:
    t = times[None, :, None]
    start, speed, later = scene.positions[:, None], scene.velocities[:, None], after[:, None]
    return start + speed * np.minimum(t, when) + later * np.maximum(t - when, 0.0)


# ---- the table ----------------------------------------------------------------------------------


def without(clip: WorldClip, start: int, index: int = 0) -> np.ndarray:
    """The clip without an object from frame `start` on; the table shows where it was."""
    frames, empty = clip.frames.copy(), empty_table(clip)
    for t in range(start, len(frames)):
        mask = object_mask(clip, t, index)
        frames[t][mask] = empty[mask]
    return frames


def vanishing(clip: WorldClip) -> np.ndarray | None:
    """The subject is gone from the middle of the clip on, where it stands in the open."""
    middle = len(clip.frames) // 2
    return without(clip, middle) if in_the_open(clip, middle) else None


def recolored(clip: WorldClip) -> np.ndarray:
    """The subject's hue turns by a third of the circle, at once."""
    frames = clip.frames.copy()
    for t in range(len(frames) // 2, len(frames)):
        hsv = cv2.cvtColor(frames[t], cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(int) + 60) % 180
        mask = object_mask(clip, t, 0)
        frames[t][mask] = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[mask]
    return frames


def doubled(clip: WorldClip) -> np.ndarray | None:
    """A copy of the subject stands beside it from the middle of the clip on."""
    frames, middle = clip.frames.copy(), len(clip.frames) // 2
    mask = object_mask(clip, middle, 0)
    columns = np.flatnonzero(mask.any(0))
    wide = int(np.ptp(columns)) + 5
    for shift in (wide, -wide):
        there = np.roll(mask, shift, axis=1)
        inside = columns[0] + shift > 0 and columns[-1] + shift < mask.shape[1] - 1
        occupied = masks_of(clip)[middle:][:, cv2.dilate(there.astype(np.uint8), None) > 0]
        if inside and not occupied.any():
            copied = np.roll(clip.frames[middle], shift, axis=1)
            frames[middle:, there] = copied[there]
            return frames
    return None


def swollen(clip: WorldClip) -> np.ndarray | None:
    """The subject has 1.3 times its size from the middle of the clip on."""
    frames, empty, middle = clip.frames.copy(), empty_table(clip), len(clip.frames) // 2
    if not all(in_the_open(clip, t, room=1.5) for t in range(middle - 3, middle + 3)):
        return None
    for t in range(middle, len(frames)):
        mask = object_mask(clip, t, 0)
        y, x = (float(axis.mean()) for axis in np.nonzero(mask)) if mask.any() else (0.0, 0.0)
        growth = np.array([[1.3, 0, -0.3 * x], [0, 1.3, -0.3 * y]])
        grown = cv2.warpAffine(mask.astype(np.uint8), growth, mask.shape[::-1]) > 0
        frames[t][mask] = empty[mask]
        frames[t][grown] = cv2.warpAffine(clip.frames[t], growth, mask.shape[::-1])[grown]
    return frames


def empty_table(clip: WorldClip) -> np.ndarray:
    """The picture (h w 3) without objects: the median over the frames in which a pixel is free."""
    grown = np.stack([cv2.dilate((mask > 0).astype(np.uint8), None) for mask in masks_of(clip)])
    free = np.where(grown[..., None] > 0, np.nan, clip.frames.astype(np.float32))
    known = np.isfinite(free).any(0)
    median = np.nanmedian(np.where(known, free, 0.0), axis=0).astype(np.uint8)
    return cv2.inpaint(median, (~known.all(-1)).astype(np.uint8), 3, cv2.INPAINT_TELEA)


def masks_of(clip: WorldClip) -> np.ndarray:
    """(f h w) the number of the object at each pixel, 0 for none."""
    assert clip.truth is not None and clip.truth.masks is not None, "rendered without its truth"
    return clip.truth.masks


def object_mask(clip: WorldClip, t: int, index: int) -> np.ndarray:
    """(h w) bool: its mask, one pixel wider, less the other object."""
    masks = masks_of(clip)[t]
    grown = cv2.dilate((masks == index + 1).astype(np.uint8), None) > 0
    return grown & ((masks == 0) | (masks == index + 1))


def in_the_open(clip: WorldClip, t: int, room: float = 1.0) -> bool:
    """Whether the subject, `room` times as large, is inside the picture and away from others."""
    masks = masks_of(clip)[t]
    y, x = np.nonzero(masks == 1)
    if not len(y):
        return False
    half = np.array([np.ptp(y), np.ptp(x)]) / 2 * room + 3
    middle = np.array([y.max() + y.min(), x.max() + x.min()]) / 2
    low, high = np.floor(middle - half).astype(int), np.ceil(middle + half).astype(int)
    if (low < 0).any() or (high >= masks.shape).any():
        return False
    return not (masks[low[0] : high[0] + 1, low[1] : high[1] + 1] == 2).any()


FAULTS: dict[str, PhysicsFault] = {
    "vanishes in the open": PhysicsFault("permanence", vanishing),
    "never comes out from behind": PhysicsFault(
        "permanence", partial(behind, swallow=True), 1, behind
    ),
    "is suddenly there twice": PhysicsFault("count", doubled),
    "grows at once": PhysicsFault("size", swollen),
    "changes color": PhysicsFault("color", recolored),
    "passes through": PhysicsFault("contact", moved(through, over=True), 3, moved(lawful)),
    "bounces before it touches": PhysicsFault("causality", moved(too_early), 3, moved(lawful)),
    "falls upwards": PhysicsFault("gravity", moved(upwards), 2, moved(lawful)),
    "leaves the other unmoved": PhysicsFault("momentum", moved(unmoved), 3, moved(lawful)),
    "parts faster than it came": PhysicsFault("energy", moved(too_fast), 3, moved(lawful)),
}
