"""What the frames of a disc clip say about its physics: the protocol of Kang et al. 2024.

Discs are found by colour, their centres by weighted centroids (arXiv:2411.02385, with a soft disc
instead of a hard threshold: 0.0013 units of error at 32 pixels instead of 0.083). Only frames in
which the true disc is whole and in view are judged, and of a collision only those after it. The
score is `|mean over frames of v_x - the true v_x|`, in units a second. In a box the walls turn the
velocity, and the score is the distance of (mean |dx/dt|, mean |dy/dt|) from that of the true
positions in the same frames.
"""

from dataclasses import dataclass

import numpy as np

from kinema.worlds.discs import COLORS, EXTENT, GRAVITY, DiscScene, coverage

LIGHTEST = 0.1  # weights below are noise: at 32 pixels they would pull every centroid inwards
MOST_UNEXPLAINED = 0.3  # share of the ink that is not where one disc would have it
SMALLEST = 0.15  # units: what covers less than a disc of this radius is not a disc


@dataclass
class DiscReading:
    """The physics of one clip, beside the truth; NaN where a law does not have the quantity.

    Attributes:
        velocity_error: |mean v_x - true v_x|, the mean over discs, units a second; in a box see
            `pace_error`. A disc that is not there in at least two judged frames has velocity 0.
        radius_error: mean |radius - true radius| where the disc is seen, units.
        lost: share of judged frames (of all discs) in which a disc is not to be seen.
        momentum_error: of both discs after a collision, over the sum of |m v|.
        energy_error: likewise, over the true energy.
        gravity_error: |fitted - true gravity| of a parabola, units a second squared.
    """

    velocity_error: float
    radius_error: float
    lost: float
    momentum_error: float = np.nan
    energy_error: float = np.nan
    gravity_error: float = np.nan


def read_discs(frames: np.ndarray, num_discs: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Centres (k f 2) and radii (k f), in units, off frames uint8 (f h w 3); NaN where none is.

    Colours are unmixed linearly, so two discs do not disturb each other. The radius is that of a
    disc of the area covered.
    """
    colors = np.array(list(COLORS.values()), dtype=float)[:num_discs]
    weights = (frames.astype(float) - 255.0) @ np.linalg.pinv(colors - 255.0)  # (f h w k)
    weights = np.where(weights < LIGHTEST, 0.0, weights)
    height, width = frames.shape[1:3]
    x, y = np.linspace(0.0, EXTENT, width), np.linspace(EXTENT, 0.0, height)
    total = weights.sum((1, 2))
    radii = np.sqrt(total * (EXTENT / (width - 1)) * (EXTENT / (height - 1)) / np.pi)
    total = np.where(radii < SMALLEST, np.nan, total)
    columns = np.einsum("fhwk,w->fk", weights, x) / total
    rows = np.einsum("fhwk,h->fk", weights, y) / total
    centres = np.stack((columns, rows), axis=-1).transpose(1, 0, 2)
    return centres, np.where(np.isnan(total), np.nan, radii).T


def is_one_disc(frames: np.ndarray) -> np.ndarray:
    """Which frames, uint8 (f h w 3), show one whole red disc on white and nothing else: (f,) bool.

    The disc that was read is drawn again, and what differs from it is summed, in units of its own
    ink. Half a disc, two of them, or one of another colour leave more than `MOST_UNEXPLAINED`;
    a true clip leaves none.
    """
    (centres,), (radii,) = read_discs(frames)
    places, radii_drawn = np.nan_to_num(centres)[:, None], np.nan_to_num(radii)
    share = coverage(places, radii_drawn, frames.shape[1:3])[:, 0]  # (f h w), of one disc a frame
    ink = np.array(COLORS["red"]) - 255.0
    drawn = 255.0 + share[..., None] * ink
    off = np.linalg.norm(frames - drawn, axis=-1) / np.linalg.norm(ink)  # (f h w)
    off = np.where(off < LIGHTEST, 0.0, off).sum((1, 2))
    return ~np.isnan(radii) & (off <= MOST_UNEXPLAINED * share.sum((1, 2)))


def judged_frames(scene: DiscScene, num_frames: int, given: int, fps: float) -> np.ndarray:
    """Which frames of which discs count, (k f) bool: new, whole, in view, after any contact."""
    times = np.arange(num_frames) / fps
    centres, _ = scene.motion(times)
    edge = scene.radii[:, None, None]
    in_view = ((centres >= edge) & (centres <= EXTENT - edge)).all(-1)
    new = np.arange(num_frames) >= given
    late = times >= scene.contact if scene.law == "collision" else new
    return in_view & new & late


def judge(
    frames: np.ndarray, scene: DiscScene, given: int = 3, fps: float = 10.0
) -> DiscReading | None:
    """The physics of a clip against the scene that its first frames show.

    Args:
        frames: uint8 (f h w 3), white with discs.
        scene: the truth.
        given: frames that were not generated.
        fps: frames a second.

    Returns:
        None if no disc has two frames that can be judged.
    """
    judged = judged_frames(scene, len(frames), given, fps)
    kept = judged.sum(1) >= 2
    if not kept.any():
        return None
    centres, radii = read_discs(frames, len(scene.radii))
    centres = np.where(judged[..., None], centres, np.nan)
    radii = np.where(judged, radii, np.nan)
    velocities = np.array([mean_velocity(c[:, 0], fps) for c in centres])
    true = _true_velocities(scene, judged, fps)
    errors = np.abs(velocities - true)
    if scene.law == "box":  # its one disc is in view throughout
        places = scene.motion(np.arange(len(frames)) / fps)[0]
        errors = np.array([pace_error(centres[0, given:], places[0, given:], fps)])
    seen = ~np.isnan(radii)
    off = np.abs(radii - scene.radii[:, None])[seen]
    momentum, energy = conservation(velocities, true, scene) if kept.all() else (np.nan, np.nan)
    return DiscReading(
        velocity_error=float(errors[kept].mean()),
        radius_error=float(off.mean()) if off.size else np.nan,
        lost=1.0 - float(seen.sum() / judged.sum()),
        momentum_error=momentum,
        energy_error=energy,
        gravity_error=_gravity_error(centres, fps) if scene.law == "parabola" else np.nan,
    )


def mean_velocity(x: np.ndarray, fps: float) -> float:
    """The mean over time of the velocity along positions (f,), NaN where not seen; 0 if lost."""
    (seen,) = np.nonzero(~np.isnan(x))
    if len(seen) < 2:
        return 0.0
    return float((x[seen[-1]] - x[seen[0]]) / (seen[-1] - seen[0]) * fps)


def pace_error(centres: np.ndarray, true: np.ndarray, fps: float) -> float:
    """How far the mean |velocity| along x and along y is from the true one, units a second.

    Both are means over the same pairs of neighbouring frames, those in which the disc is seen, so
    that a bounce between two frames shortens both alike. A disc that is never seen in two
    neighbouring frames stands still.

    Args:
        centres: (f 2), NaN where no disc is seen.
        true: (f 2).
        fps: frames a second.
    """
    steps, true_steps = (np.abs(np.diff(c, axis=0)) * fps for c in (centres, true))
    seen = ~np.isnan(steps).any(1)
    if not seen.any():
        return float(np.linalg.norm(true_steps.mean(0)))
    return float(np.linalg.norm(steps[seen].mean(0) - true_steps[seen].mean(0)))


def conservation(velocities: np.ndarray, true: np.ndarray, scene: DiscScene) -> tuple[float, float]:
    """Errors of momentum and energy (masses are areas) relative to the truth; NaN for one disc."""
    if len(velocities) < 2:
        return np.nan, np.nan
    mass = scene.radii**2
    momentum = np.abs(mass @ (velocities - true)) / (mass @ np.abs(true))
    energy = np.abs(mass @ (velocities**2 - true**2)) / (mass @ true**2)
    return float(momentum), float(energy)


def _true_velocities(scene: DiscScene, judged: np.ndarray, fps: float) -> np.ndarray:
    """v_x (k,) in the judged frames, in which it is constant under every law."""
    _, velocities = scene.motion(np.arange(judged.shape[1]) / fps)
    first = judged.argmax(1)
    return velocities[np.arange(len(first)), first, 0]


def _gravity_error(centres: np.ndarray, fps: float) -> float:
    """A parabola through the heights of the only disc, by least squares."""
    y = centres[0, :, 1]
    (seen,) = np.nonzero(~np.isnan(y))
    if len(seen) < 5:
        return np.nan
    quadratic = np.polyfit(seen / fps, y[seen], 2)[0]
    return abs(-2.0 * float(quadratic) - GRAVITY)
