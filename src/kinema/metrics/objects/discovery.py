"""Finding objects from frames alone: what stands out in color from an estimated background.

The background is a few colors, read off the rim of the temporal median picture, and everything
between them and gray: a shadow or a lamp moves a matte color along that line, an object leaves it.
What lies off the line is split by hue into blobs. It finds solids on a table and discs on paper,
and says why it finds nothing where color does not separate things, as in most real footage.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from kinema.metrics.evidence import Evidence, observe

STANDS_OUT = 20.0  # CIELAB units off the background's lines
PALETTE_BIN = 8.0  # CIELAB units: colors of the rim nearer than this are one
PALETTE_SHARE = 0.1  # of the rim, from which a color belongs to the background
HUE_APART = 15  # degrees between two objects' hues
HUE_SHARE = 0.04  # of the foreground, from which a hue is one of the clip's
SMALLEST = 0.0012  # of the picture: a smaller blob is left out
MOST_BLOBS = 6  # in one frame
LARGEST = 0.5  # share of the picture that objects may cover
DOUBTFUL = 0.5  # pixels half-way off the lines, as a share of the foreground


@dataclass
class Blob:
    """One object in one frame; pixels at the working size, (x, y), y downwards."""

    center: np.ndarray  # (2,) weighted by how much each pixel belongs to the object: sub-pixel
    area: float  # sum of those weights, pixels
    box: tuple[int, int, int, int]  # left, top, right, bottom, the last two exclusive
    color: np.ndarray  # (3,) median CIELAB of the inside, lightness 0-100
    mask: np.ndarray  # (h w) bool
    at_border: bool  # whether it touches the picture's edge
    touching: set[int] = field(default_factory=set)  # indices of blobs within two pixels


@dataclass(frozen=True)
class Sighting:
    """The blobs of every frame, or why they cannot be trusted."""

    blobs: list[list[Blob]]  # one list a frame
    size: tuple[int, int]  # height and width at the working size
    doubt: str  # why no object can be told from the background; "" if they can
    still: bool  # whether the background rests, so that positions mean something


def find_objects(frames: np.ndarray | Evidence, masks: np.ndarray | None = None) -> Sighting:
    """Segment every frame, uint8 (f h w 3) or Evidence, into objects.

    Where a world knows them, masks (f h w) uint8 hold the number of the object at each pixel, 0 for
    none, and the frames need no shrinking. Otherwise objects are found by color.
    """
    evidence = observe(frames)
    lab = np.stack([to_lab(frame) for frame in evidence.frames])
    if masks is None:
        distance = off_the_lines(lab[..., 1:], background_palette(evidence.frames))
        labels = label_hues(lab[..., 1:], distance)
    else:
        assert masks.shape == lab.shape[:3], (masks.shape, lab.shape)
        distance, labels = np.where(masks > 0, 2.0 * STANDS_OUT, 0.0), masks.astype(np.uint8)
    size = (lab.shape[1], lab.shape[2])
    doubt = "" if masks is not None else reason_to_doubt(distance)
    if doubt:
        return Sighting([[] for _ in lab], size, doubt, False)
    smallest = max(9, round(SMALLEST * size[0] * size[1]))
    blobs = [frame_blobs(*one, smallest) for one in zip(lab, distance, labels, strict=True)]
    doubt = reason_of_crowd([len(frame) for frame in blobs])
    return Sighting(blobs, size, doubt, background_rests(evidence, labels > 0))


def to_lab(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def background_palette(frames: np.ndarray) -> np.ndarray:
    """Chroma (n 2) of the colors that make up a good share of the median picture's rim."""
    step = max(1, len(frames) // 32)
    median = to_lab(np.median(frames[::step], axis=0).astype(np.uint8))[..., 1:]
    deep = max(1, min(median.shape[:2]) // 32)
    sides = (median[:deep], median[-deep:], median[:, :deep], median[:, -deep:])
    rim = np.concatenate([side.reshape(-1, 2) for side in sides])
    bins, member, count = np.unique(
        np.round(rim / PALETTE_BIN), axis=0, return_inverse=True, return_counts=True
    )
    common = np.flatnonzero(count >= PALETTE_SHARE * len(rim))
    return np.stack([rim[member.ravel() == i].mean(0) for i in common] or [rim.mean(0)])


def off_the_lines(chroma: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Distance (f h w) of chroma (f h w 2) from the segments between gray and each color."""
    nearest = np.full(chroma.shape[:3], np.inf, np.float32)
    for color in palette:
        along = np.clip(chroma @ color / max(float(color @ color), 1.0), 0.0, 1.1)
        gap = chroma - along[..., None] * color
        np.minimum(nearest, np.hypot(gap[..., 0], gap[..., 1]), out=nearest)
    return nearest


def label_hues(chroma: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """The number of the clip's hue (f h w) that each foreground pixel is nearest to, 0 for none."""
    inside = distance > STANDS_OUT
    hue = np.degrees(np.arctan2(chroma[..., 1], chroma[..., 0])) % 360
    histogram = np.bincount(hue[inside].astype(int) % 360, minlength=360).astype(float)
    wide = np.pad(histogram, 20, mode="wrap")
    smooth = np.convolve(wide, np.hanning(17) / np.hanning(17).sum(), "same")[20:-20]
    modes: list[int] = []
    left = smooth.copy()
    while left.max() > HUE_SHARE * smooth.sum() / 8:
        peak = int(left.argmax())
        around = np.arange(peak - HUE_APART, peak + HUE_APART + 1) % 360
        if smooth[peak] >= smooth[around].max():  # the flank of a stronger hue is no hue
            modes.append(peak)
        left[around] = 0
    if not modes:
        return np.zeros(distance.shape, np.uint8)
    apart = [np.abs((hue - mode + 180) % 360 - 180) for mode in modes]
    return np.where(inside, 1 + np.argmin(apart, axis=0), 0).astype(np.uint8)


def frame_blobs(
    lab: np.ndarray, distance: np.ndarray, labels: np.ndarray, smallest: int
) -> list[Blob]:
    """Connected pieces of one label, with what is left of an object that another one cuts."""
    masks: list[np.ndarray] = []
    for label in np.unique(labels[labels > 0]):
        masks += connected_pieces(labels == label, smallest)
    masks = without_inner_pieces(masks)
    blobs = [measure_blob(mask, lab, distance, labels) for mask in masks]
    for i, mask in enumerate(masks):
        near = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        blobs[i].touching = {j for j, other in enumerate(masks) if j != i and (near & other).any()}
    return blobs


def connected_pieces(mask: np.ndarray, smallest: int) -> list[np.ndarray]:
    """Find connected components of at least so many pixels, their holes (highlights) filled."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    large = [i for i, contour in enumerate(contours) if cv2.contourArea(contour) >= smallest / 2]
    canvas = np.zeros(mask.shape, np.uint8)
    pieces = [cv2.drawContours(canvas.copy(), contours, i, 1, cv2.FILLED) > 0 for i in large]
    return [piece for piece in pieces if piece.sum() >= smallest]


def without_inner_pieces(masks: list[np.ndarray]) -> list[np.ndarray]:
    """Leave out pieces that lie inside another one: reflections and edges of mixed color."""
    kept: list[np.ndarray] = []
    for mask in sorted(masks, key=lambda mask: -int(mask.sum())):
        if all((mask & other).sum() < 0.5 * mask.sum() for other in kept):
            kept.append(mask)
    return kept


def measure_blob(
    mask: np.ndarray, lab: np.ndarray, distance: np.ndarray, labels: np.ndarray
) -> Blob:
    """Measure one piece; its soft edge belongs to it as far as its color does."""
    near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    inside = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    inside = inside if inside.any() else mask
    full = float(np.median(distance[inside]))
    weight = np.where(inside, 1.0, np.clip(distance / max(full, 1.0), 0.0, 1.0))
    weight *= mask | (near & (labels == 0))
    y, x = np.nonzero(weight)
    w = weight[y, x]
    center = np.array([x @ w, y @ w]) / w.sum()
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    h, w_ = mask.shape
    at_border = box[0] == 0 or box[1] == 0 or box[2] == w_ or box[3] == h
    return Blob(center, float(w.sum()), box, np.median(lab[inside], axis=0), mask, at_border)


def reason_to_doubt(distance: np.ndarray) -> str:
    """Say why color does not tell objects from the background; "" if it may."""
    inside = float((distance > STANDS_OUT).mean())
    between = float(((distance > STANDS_OUT / 2) & (distance <= STANDS_OUT)).mean())
    if inside == 0:
        return "nothing stands out from the background by its color"
    if inside > LARGEST:
        return f"colored areas fill {100 * inside:.0f} % of the picture"
    if between > DOUBTFUL * inside:
        return "colors pass gradually from the background to what stands out"
    return ""


def reason_of_crowd(counts: list[int]) -> str:
    """Say why the blobs are no objects to follow; "" if they may be."""
    if max(counts) == 0:
        return "nothing stands out from the background by its color"
    most = int(np.quantile(counts, 0.9))
    return f"{most} colored areas in a frame are too many to follow" if most > MOST_BLOBS else ""


def background_rests(evidence: Evidence, occupied: np.ndarray) -> bool:
    """Tell whether what is no object stays as it is: median deviation from its own time median."""
    step = max(1, len(evidence) // 32)
    luma = evidence.luma[::step]
    deviation = np.abs(luma - np.median(luma, axis=0))
    free = ~occupied[::step]
    return bool(not free.any() or np.median(deviation[free]) < 3.0)
