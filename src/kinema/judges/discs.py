"""What the frames of a disc clip say about its physics: the protocol of Kang et al. 2024.

Discs are found by color, their centers by weighted centroids (arXiv:2411.02385, with a soft disc
instead of a hard threshold: 0.0013 units of error at 32 pixels instead of 0.083). The score is
`|mean over frames of v_x - the true v_x|`, in units a second; `readable_frames` says which count.
In a box, where walls turn the velocity, it is `pace_error`.
"""

from dataclasses import dataclass

import numpy as np

from kinema.worlds.discs import BOXES, COLORS, GRAVITY, PALETTE, DiscScene
from kinema.worlds.discs.drawing import EXTENT, GRAY, coverage, curtain_cover

LIGHTEST = 0.1  # weights below are noise: at 32 pixels they would pull every centroid inwards
MOST_UNEXPLAINED = 0.3  # share of the ink that is not where one disc would have it
SMALLEST = 0.15  # units: what covers less than a disc of this radius is not a disc
MOST_COVERED = 0.65  # of a column by a curtain's soft edge, so that what lies under it can be read
CLOSEST = 0.05  # units by which a whole disc may seem to reach behind a curtain: its reading error


@dataclass
class DiscReading:
    """The physics of one clip, beside the truth; NaN where a law does not have the quantity."""

    # |mean v_x - true v_x|, the mean over discs, units a second; in a box see `pace_error`. A disc
    # that is not there in at least two readable frames has velocity 0
    velocity_error: float
    radius_error: float  # mean |radius - true radius| where the disc is seen, units
    lost: float  # share of readable frames (of all discs) in which a disc is not to be seen
    momentum_error: float = np.nan  # of both discs after a collision, over the sum of |m v|
    energy_error: float = np.nan  # likewise, over the true energy
    gravity_error: float = np.nan  # |fitted - true gravity| of a parabola, units a second squared


def read_discs(frames: np.ndarray, num_discs: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Read centers (k f 2) and radii (k f), units, off frames uint8 (f h w 3); NaN where none is.

    Colors are unmixed linearly, so two discs do not disturb each other. The radius is that of a
    disc of the area covered.
    """
    colors = np.array(list(COLORS.values()), dtype=float)[:num_discs]
    weights = (frames.astype(float) - 255.0) @ np.linalg.pinv(colors - 255.0)  # (f h w k)
    return discs_of(weights)


def discs_of(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find centers (k f 2) and radii (k f) of discs that cover shares (f h w k) of the pixels."""
    weights = np.where(weights < LIGHTEST, 0.0, weights)
    height, width = weights.shape[1:3]
    x, y = np.linspace(0.0, EXTENT, width), np.linspace(EXTENT, 0.0, height)
    total = weights.sum((1, 2))
    radii = np.sqrt(total * (EXTENT / (width - 1)) * (EXTENT / (height - 1)) / np.pi)
    total = np.where(radii < SMALLEST, np.nan, total)
    columns = np.einsum("fhwk,w->fk", weights, x) / total
    rows = np.einsum("fhwk,h->fk", weights, y) / total
    centers = np.stack((columns, rows), axis=-1).transpose(1, 0, 2)
    return centers, np.where(np.isnan(total), np.nan, radii).T


def is_one_disc(frames: np.ndarray) -> np.ndarray:
    """Tell which frames, uint8 (f h w 3), show one whole red disc on white and nothing else.

    Half a disc, two of them, or one of another color leave more than `MOST_UNEXPLAINED`; a true
    clip leaves none.
    """
    (centers,), (radii,) = read_discs(frames)
    red = np.array([COLORS["red"]]) - 255.0
    return is_explained(frames - 255.0, centers, radii, red.repeat(len(frames), axis=0))


def is_explained(
    ink: np.ndarray, centers: np.ndarray, radii: np.ndarray, own: np.ndarray
) -> np.ndarray:
    """Tell which pictures are those of the discs that were read off them: (f,) bool.

    The discs, at centers (f 2) with radii (f,), are drawn again in their own ink (f 3). What
    differs from the ink of the picture (f h w 3), less white, is summed in units of a disc's own.
    """
    places, drawn = np.nan_to_num(centers)[:, None], np.nan_to_num(radii)
    share = coverage(places, drawn, ink.shape[1:3])[:, 0]  # (f h w), of one disc a frame
    off = np.linalg.norm(ink - share[..., None] * own[:, None, None], axis=-1)
    off /= np.linalg.norm(own, axis=-1)[:, None, None]
    off = np.where(off < LIGHTEST, 0.0, off).sum((1, 2))
    return ~np.isnan(radii) & (off <= MOST_UNEXPLAINED * share.sum((1, 2)))


@dataclass
class DiscSeen:
    """The disc of every frame of a clip, as far as it is seen beside a curtain."""

    centers: np.ndarray  # (f 2), units; NaN where no disc is seen
    radii: np.ndarray  # (f,), units; of a disc that is partly hidden, of a smaller one
    colors: np.ndarray  # (f,) the nearest names of `discs.PALETTE`; "" where no disc is seen
    clear: np.ndarray  # (f,) bool, whether it is seen and no part of it lies behind the curtain
    whole: np.ndarray  # (f,) bool, clear, and the frame shows one round disc and nothing else


def read_disc(frames: np.ndarray, curtain: tuple[float, float] | None = None) -> DiscSeen:
    """Read the disc of any color in frames, uint8 (f h w 3), white but for it and the curtain.

    A round disc with the area and the center of what is left of one at the curtain's edge would
    reach behind it: by that a part is told from a whole. Slivers of a few pixels may be taken for
    small discs, so who asks for a whole one asks for its radius too. `curtain`: from x to x, units.
    """
    left, right = curtain or (-EXTENT, -EXTENT)  # out of the picture
    width = frames.shape[2]
    cover = np.zeros(width) if curtain is None else curtain_cover(curtain, width)
    ink = uncovered(frames, cover)
    own, names = nearest_inks(ink)
    weights = np.einsum("fhwc,fc->fhw", ink, own / (own**2).sum(1, keepdims=True))
    (centers,), (radii,) = discs_of(weights[..., None])
    is_there = ~np.isnan(radii)
    outside = np.abs(centers[:, 0] - 0.5 * (left + right)) - 0.5 * (right - left)
    clear = is_there & (np.nan_to_num(outside - radii) >= -CLOSEST)
    ink[:, :, cover > 0.0] = 0.0  # what is at the edge itself may be the curtain's
    whole = clear & is_explained(ink, centers, radii, own)
    return DiscSeen(centers, radii, np.where(is_there, names, ""), clear, whole)


def uncovered(frames: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Frames less white (f h w 3), as they were without the curtain over shares (w,) of columns.

    The columns of which it covers more than `MOST_COVERED` are left white.
    """
    curtain = 255.0 * (1.0 - cover) + GRAY * cover
    free = np.maximum(1.0 - cover, 1.0 - MOST_COVERED)
    ink = (frames - curtain[:, None]) / free[:, None]
    ink[:, :, cover > MOST_COVERED] = 0.0
    return ink


def nearest_inks(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The color in `PALETTE` most like the ink (f h w 3) of each frame: (f 3) less white; (f,)."""
    inks = np.array(list(PALETTE.values())) - 255.0
    strong = np.linalg.norm(ink, axis=-1, keepdims=True) >= LIGHTEST * 255.0
    directions = inks / np.linalg.norm(inks, axis=1, keepdims=True)
    nearest = ((ink * strong).sum((1, 2)) @ directions.T).argmax(1)
    return inks[nearest], np.array(list(PALETTE))[nearest]


def read_curtain(frames: np.ndarray) -> tuple[float, float] | None:
    """Find from where to where a curtain hangs in frames, uint8 (f h w 3); None if there is none.

    No disc fills a column of pixels, and so what covers all of one is the curtain.
    """
    cover = ((255.0 - frames).mean(-1).min((0, 1)) / (255.0 - GRAY)).clip(0.0, 1.0)  # (w,)
    (full,) = np.nonzero(cover > 1.0 - LIGHTEST)
    if not len(full):
        return None
    x, pixel = np.linspace(0.0, EXTENT, len(cover)), EXTENT / (len(cover) - 1)
    first, last = full[0], full[-1]
    left = x[first] - pixel * (cover[: first + 1].sum() - 0.5)
    right = x[last] + pixel * (cover[last:].sum() - 0.5)
    return max(float(left), 0.0), min(float(right), EXTENT)


def readable_frames(scene: DiscScene, num_frames: int, given: int, fps: float) -> np.ndarray:
    """Find the frames of each disc that can be read, (k f) bool.

    They are new, after any contact, and show the disc whole and in view. A disc that is not wholly
    seen in all given frames has none: nobody could go on from there.
    """
    times = np.arange(num_frames) / fps
    centers, _ = scene.motion(times)
    edge = scene.radii[:, None, None]
    in_view = ((centers >= edge) & (centers <= EXTENT - edge)).all(-1)
    new = np.arange(num_frames) >= given
    late = times >= scene.contact if scene.law == "collision" else new
    seen = scene.visible(centers) == 1.0
    return in_view & new & late & seen & seen[:, :given].all(1, keepdims=True)


def read_physics(
    frames: np.ndarray, scene: DiscScene, given: int = 3, fps: float = 10.0
) -> DiscReading | None:
    """Compare the physics of a clip, uint8 (f h w 3), with the scene that its given frames show.

    Returns:
        None if no disc has two neighboring frames that can be read.
    """
    readable = readable_frames(scene, len(frames), given, fps)
    kept = (readable[:, 1:] & readable[:, :-1]).any(1)
    if not kept.any():
        return None
    centers, radii = read_scene(frames, scene)
    centers = np.where(readable[..., None], centers, np.nan)
    radii = np.where(readable, radii, np.nan)
    velocities = np.array([mean_velocity(c[:, 0], fps) for c in centers])
    true = true_velocities(scene, readable, fps)
    errors = np.abs(velocities - true)
    if scene.law in BOXES:  # its one disc is in view throughout
        places = scene.motion(np.arange(len(frames)) / fps)[0]
        errors = np.array([pace_error(centers[0, given:], places[0, given:], fps)])
    seen = ~np.isnan(radii)
    off = np.abs(radii - scene.radii[:, None])[seen]
    momentum, energy = conservation(velocities, true, scene) if kept.all() else (np.nan, np.nan)
    return DiscReading(
        velocity_error=float(errors[kept].mean()),
        radius_error=float(off.mean()) if off.size else np.nan,
        lost=1.0 - float(seen.sum() / readable.sum()),
        momentum_error=momentum,
        energy_error=energy,
        gravity_error=fit_gravity_error(centers, fps) if scene.law == "parabola" else np.nan,
    )


def read_scene(frames: np.ndarray, scene: DiscScene) -> tuple[np.ndarray, np.ndarray]:
    """Read centers (k f 2) and radii (k f) of a scene's discs in frames, uint8 (f h w 3).

    NaN where there is none of that color, or, beside a curtain, where it is partly hidden.
    """
    if scene.law != "curtain":
        return read_discs(frames, len(scene.radii))
    seen = read_disc(frames, scene.curtain)
    own = seen.clear & (seen.colors == scene.color)
    return np.where(own[:, None], seen.centers, np.nan)[None], np.where(own, seen.radii, np.nan)[
        None
    ]


def mean_velocity(x: np.ndarray, fps: float) -> float:
    """Average the velocity along positions (f,), NaN where not seen; 0 if lost."""
    (seen,) = np.nonzero(~np.isnan(x))
    if len(seen) < 2:
        return 0.0
    return float((x[seen[-1]] - x[seen[0]]) / (seen[-1] - seen[0]) * fps)


def pace_error(centers: np.ndarray, true: np.ndarray, fps: float) -> float:
    """Measure how far mean |velocity| along x and along y is from the true one, units a second.

    Both are means over the same pairs of neighboring frames, those in which the disc is seen
    (centers (f 2) not NaN), so that a bounce between two frames shortens both alike. A disc that is
    never seen in two neighboring frames stands still.
    """
    steps, true_steps = (np.abs(np.diff(c, axis=0)) * fps for c in (centers, true))
    seen = ~np.isnan(steps).any(1)
    if not seen.any():
        return float(np.linalg.norm(true_steps.mean(0)))
    return float(np.linalg.norm(steps[seen].mean(0) - true_steps[seen].mean(0)))


def conservation(velocities: np.ndarray, true: np.ndarray, scene: DiscScene) -> tuple[float, float]:
    """Compute relative errors of momentum and energy (masses are areas); NaN for one disc."""
    if len(velocities) < 2:
        return np.nan, np.nan
    mass = scene.radii**2
    momentum = np.abs(mass @ (velocities - true)) / (mass @ np.abs(true))
    energy = np.abs(mass @ (velocities**2 - true**2)) / (mass @ true**2)
    return float(momentum), float(energy)


def true_velocities(scene: DiscScene, readable: np.ndarray, fps: float) -> np.ndarray:
    """Look up v_x (k,) in the readable frames, in which it is constant under every law."""
    _, velocities = scene.motion(np.arange(readable.shape[1]) / fps)
    first = readable.argmax(1)
    return velocities[np.arange(len(first)), first, 0]


def fit_gravity_error(centers: np.ndarray, fps: float) -> float:
    """Fit a parabola to the heights of the only disc, by least squares."""
    y = centers[0, :, 1]
    (seen,) = np.nonzero(~np.isnan(y))
    if len(seen) < 5:
        return np.nan
    quadratic = np.polyfit(seen / fps, y[seen], 2)[0]
    return abs(-2.0 * float(quadratic) - GRAVITY)
