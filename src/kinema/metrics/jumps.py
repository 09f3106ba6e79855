"""Teleportation: something is elsewhere, gone, or there, from one frame to the next.

A jump is local in space and in time: one tile of the picture cannot be explained by motion in one
pair of frames, though it can be in the pairs before and after. Fast motion and water are bad for
many pairs in a row, a change of light for the whole picture.
"""

import cv2
import numpy as np

from kinema.metrics.evidence import Evidence, Score, frame_curve, observe
from kinema.metrics.lighting import pair_gains

TILES = 10  # along the shorter side


def jump(frames: np.ndarray | Evidence) -> Score:
    """The worst sudden change that motion does not explain, grey levels in one tile; 0 is none.

    Per tile and pair of frames: the residual after warping, less the larger of the same tile's
    residuals one pair earlier and later; the maximum over the tiles is the curve. Both directions
    are warped and the smaller residual counts, so uncovered background does not.
    """
    evidence = observe(frames)
    spikes = _spikes(_tile_residuals(evidence), evidence.joined)
    curve = frame_curve(spikes, evidence.joined, len(evidence), 1)
    return Score(np.nanmax(curve, initial=0.0), curve)


def leap(frames: np.ndarray | Evidence) -> Score:
    """The worst sudden burst of speed, percent of the shorter side; 0 is none.

    The same for the flow against the camera's motion: a short jump is followed by the flow, and
    shows as a speed that one pair has and its neighbours have not.
    """
    evidence = observe(frames)
    size = min(evidence.frames.shape[1:3])
    tiles = []
    for t, flow in enumerate(evidence.flow.forward):
        own = flow - evidence.camera.field(t)
        tiles.append(_tiles(np.hypot(own[..., 0], own[..., 1])))
    spikes = _spikes(100 * np.asarray(tiles) / size, evidence.joined)
    curve = frame_curve(spikes, evidence.joined, len(evidence), 1)
    return Score(np.nanmax(curve, initial=0.0), curve)


def _tile_residuals(evidence: Evidence) -> np.ndarray:
    tiles = []
    for t, gain in enumerate(pair_gains(evidence)):
        before, after = evidence.luma[t], evidence.luma[t + 1]
        out = _tiles(np.abs(evidence.ahead[t] * np.exp(-gain) - before))
        back = _tiles(np.abs(evidence.behind[t] - after * np.exp(-gain)))
        tiles.append(np.minimum(out, back))
    return np.asarray(tiles)


def _spikes(tiles: np.ndarray, joined: np.ndarray) -> np.ndarray:
    """Excess of each pair (f-1 rows columns) over its neighbours in time, worst tile; (f-1,)."""
    if len(tiles) < 3:
        return np.zeros(len(tiles))
    known = np.where(joined[:, None, None], tiles, 0)
    # At either end of the clip the two nearest pairs on one side stand for both neighbours.
    earlier = np.concatenate([known[2:3], known[:-1]])
    later = np.concatenate([known[1:], known[-3:-2]])
    return (known - np.maximum(earlier, later)).max((1, 2)).clip(0)


def _tiles(image: np.ndarray) -> np.ndarray:
    h, w = image.shape
    scale = TILES / min(h, w)
    return cv2.resize(
        image, (max(1, round(w * scale)), max(1, round(h * scale))), interpolation=cv2.INTER_AREA
    )
