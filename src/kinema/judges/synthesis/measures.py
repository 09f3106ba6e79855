"""What no render explains, and what the best one says: figures of one clip."""

from dataclasses import dataclass

import numpy as np
import torch

from kinema.judges.synthesis.explanation import FINE, Explanation
from kinema.judges.synthesis.reading import TOUCHES, answers, gaps
from kinema.judges.synthesis.solids import outlines, picture

SHOWN = 0.5  # share of a pixel that an object covers for the pixel to be its
HIDDEN = 2  # frames in a row in which an object that is not seen counts as gone
NEAR_WHOLE = 0.95  # share of a solid's outline that no other hides, for its size to be read


@dataclass(frozen=True)
class Figures:
    """What the explanation of a clip comes to; NaN and None where the clip has no such thing."""

    psnr: float  # dB of the best render to the clip
    silhouettes: float  # intersection over union of fitted and seen outlines, all frames together
    objects: int  # that are seen, by color
    contact: bool | None  # whether two objects touch; None of one alone
    came_back: bool | None  # whether what went out of sight was seen again; None if nothing did
    size_kept: float  # deviation of the size over the frames, a share of it, of the worst object
    read: dict[str, str]  # the judge's questions, answered


@torch.inference_mode()
def figures(frames: np.ndarray, explanation: Explanation) -> Figures:
    """Measure frames, uint8 (f h w 3), by their explanation."""
    solids = explanation.guess.solids
    error = best_render(frames, explanation).astype(float) - frames
    mse = float(np.square(error).mean())
    psnr = 10 * np.log10(255**2 / max(mse, 1e-3))
    contact = bool(gaps(*solids).min() < TOUCHES) if len(solids) == 2 else None
    return Figures(
        psnr, silhouettes(explanation), len(solids), contact, came_back(explanation),
        size_kept(explanation), answers(explanation),
    )  # fmt: skip


@torch.inference_mode()
def best_render(frames: np.ndarray, explanation: Explanation) -> np.ndarray:
    """Render the explanation at the size of frames (f h w 3), uint8."""
    size = (frames.shape[1], frames.shape[2])
    shown = picture(explanation.guess, explanation.times, size)
    return (shown * 255).round().to(torch.uint8).numpy()


def fine_size(explanation: Explanation) -> tuple[int, int]:
    if not explanation.seen:
        return (FINE, FINE)
    height, width = explanation.seen[0].mask.shape[1:]
    return (height, width)


def silhouettes(explanation: Explanation) -> float:
    """Intersection over union, objects not confused; NaN if nothing is seen or fitted."""
    if not explanation.seen:
        return float("nan")
    fitted = outlines(explanation.guess, explanation.times, fine_size(explanation))
    both = either = 0
    for number, seen in enumerate(explanation.seen, start=1):
        here, there = seen.mask > SHOWN, fitted == number
        both += int((here & there).sum())
        either += int((here | there).sum())
    return both / max(either, 1)


def came_back(explanation: Explanation) -> bool | None:
    """Tell whether every object that went out of sight was seen again; None if none did."""
    found = None
    for known in explanation.known.numpy():
        first = int(known.argmax())
        runs = np.flatnonzero(~known[first:])
        if len(runs) < HIDDEN:
            continue
        gone = first + int(runs[0])
        found = (found is not False) and bool(known[gone:].any())
    return found


def size_kept(explanation: Explanation) -> float:
    """Deviation of the size, read off the area that is seen, over that of the fitted solid."""
    spreads = [float("nan")]
    size = fine_size(explanation)
    for number, seen in enumerate(explanation.seen):
        together = outlines(explanation.guess, explanation.times, size) == number + 1
        guess = explanation.guess
        alone = type(guess)(guess.stage, [guess.solids[number]])
        whole = outlines(alone, explanation.times, size) == 1
        inside = ~(whole[:, [0, -1]].any(-1).any(-1) | whole[:, :, [0, -1]].any(-1).any(-1))
        area = whole.sum((1, 2)).clamp_min(1)
        clear = inside & (together.sum((1, 2)) > NEAR_WHOLE * area)
        if int(clear.sum()) > 2:
            side = (seen.area / area)[clear].sqrt()
            spreads.append(float(side.std() / side.mean().clamp_min(1e-3)))
    return float(np.nanmax(spreads)) if len(spreads) > 1 else float("nan")
