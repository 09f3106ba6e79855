"""Faults that keep every frame plausible: ghosts, slow motion, a soft lens, and dark flicker."""

import cv2
import numpy as np

from kinema.motion import optical_flow, warp


def ghost(frames: np.ndarray, count: float, _: np.random.Generator) -> np.ndarray:
    """Each frame is the mean of `count` frames around it: what moves leaves a trail."""
    half = round(count) // 2
    padded = np.pad(frames, ((half, half), (0, 0), (0, 0), (0, 0)), mode="edge").astype(np.float32)
    sums = sum(padded[i : i + len(frames)] for i in range(2 * half + 1))
    return np.round(sums / (2 * half + 1)).astype(np.uint8)


def slow_down(frames: np.ndarray, times: float, _generator: np.random.Generator) -> np.ndarray:
    """The beginning of the clip, played `times` slower, with frames in between along the motion."""
    flow = optical_flow(frames)
    out = []
    for index in range(len(frames)):
        before, share = divmod(index / times, 1)
        t = min(int(before), len(frames) - 2)
        if share < 1e-6:
            out.append(frames[t])
            continue
        left = warp(frames[t], share * flow.backward[t])[0]
        right = warp(frames[t + 1], (1 - share) * flow.forward[t])[0]
        out.append(np.round((1 - share) * left + share * right).clip(0, 255).astype(np.uint8))
    return np.stack(out)


def blur_all(frames: np.ndarray, sigma: float, _: np.random.Generator) -> np.ndarray:
    """Every frame is blurred alike: a soft lens."""
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])


def in_the_dark(frames: np.ndarray) -> np.ndarray:
    """Show the clip in a quarter of a black picture: a clean clip, three quarters of it dark."""
    h, w = frames.shape[1:3]
    out = np.zeros_like(frames)
    small = [cv2.resize(f, (w // 2, h // 2), interpolation=cv2.INTER_AREA) for f in frames]
    out[:, h // 4 : h // 4 + h // 2, w // 4 : w // 4 + w // 2] = small
    return out
