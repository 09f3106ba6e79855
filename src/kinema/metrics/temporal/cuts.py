"""Hard cuts: where one shot ends and the next begins.

The rule of PySceneDetect's AdaptiveDetector, restated: the content score of a frame is the mean
absolute change of hue, saturation and value (0-255 each, hue 0-179) since the frame before; a cut
is where it is at least three times the mean of its four neighbors' scores and at least 15. One
thing is added: if the picture keeps its shapes, a lamp was switched, and no new shot begins.
"""

import cv2
import numpy as np

ADAPTIVE_RATIO = 3.0
MIN_CONTENT = 15.0
WINDOW = 2  # neighbors on either side
LIKE = 0.9  # correlation of small pictures that show the same thing in another light
SMALL = 32  # pixels of a side of them
SWITCHED = 0.5  # the strength as a cut of a lamp that is switched
SHORTEST_SHOT = 4  # frames; PySceneDetect says 15, but generated clips are often 16 frames long


def content_scores(frames: np.ndarray) -> np.ndarray:
    """Measure the change of color since the previous frame, 0-255; (f,), 0 for the first frame.

    The mean of the absolute differences of H, S and V over the pixels. Cost: 1 ms at 256 px.
    """
    scores = np.zeros(len(frames))
    before: np.ndarray | None = None
    for t, frame in enumerate(frames):
        now = cv2.cvtColor(frame, cv2.COLOR_RGB2HSV)
        if before is not None:
            scores[t] = np.mean(cv2.mean(cv2.absdiff(now, before))[:3])
        before = now
    return scores


def cut_strengths(frames: np.ndarray) -> np.ndarray:
    """Measure each frame as a cut, in units of PySceneDetect's thresholds; (f,), 1 is a cut.

    min(ratio / 3, content / 15), and less than 1 where only the light changed.
    """
    scores = content_scores(frames)
    strengths = np.minimum(adaptive_ratios(scores) / ADAPTIVE_RATIO, scores / MIN_CONTENT)
    for t in np.flatnonzero(strengths >= 1):
        if shapes_stay(frames[t - 1], frames[t]):
            strengths[t] = SWITCHED
    return strengths


def shapes_stay(before: np.ndarray, now: np.ndarray) -> bool:
    """Tell whether two frames (h w 3) show the same shapes, in whatever light."""
    grays = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, now))
    small = [cv2.resize(gray, (SMALL, SMALL), interpolation=cv2.INTER_AREA) for gray in grays]
    a, b = (image.ravel() - image.mean() for image in small)
    return float(a @ b) > LIKE * float(np.linalg.norm(a) * np.linalg.norm(b))


def adaptive_ratios(scores: np.ndarray) -> np.ndarray:
    """Divide each frame's score by the mean of its four neighbors', clipped to 255; (f,).

    Neighbors beyond the clip are left out, and so is frame 0, which has no score. (PySceneDetect
    judges neither the first nor the last two frames, and counts frame 0 as a 0 beside frame 2;
    everywhere else the values are the same.)
    """
    ratios = np.zeros(len(scores))
    for t in range(1, len(scores)):
        around = [scores[s] for s in neighbors(t, len(scores))]
        mean = float(np.mean(around)) if around else 0.0
        if mean > 1e-5:
            ratios[t] = min(scores[t] / mean, 255.0)
        elif scores[t] >= MIN_CONTENT:
            ratios[t] = 255.0
    return ratios


def find_cuts(frames: np.ndarray, shortest_shot: int = SHORTEST_SHOT) -> list[int]:
    """Find the first frames of new shots in frames, uint8 (f h w 3).

    A cut closer than `shortest_shot` to the cut before it is not reported.
    """
    hits = np.flatnonzero(cut_strengths(frames) >= 1)
    cuts: list[int] = []
    for hit in hits:
        if not cuts or hit - cuts[-1] >= shortest_shot:
            cuts.append(int(hit))
    return cuts


def neighbors(t: int, length: int) -> list[int]:
    window = range(t - WINDOW, t + WINDOW + 1)
    return [s for s in window if s != t and 1 <= s < length]
