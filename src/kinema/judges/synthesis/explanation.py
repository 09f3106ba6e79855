"""Explain a clip: first the stage, then what stands on it, then which solids make that picture."""

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kinema.judges.synthesis.fitting import Target, improve, turned
from kinema.judges.synthesis.masks import Seen, objects_in
from kinema.judges.synthesis.placing import first_guesses
from kinema.judges.synthesis.solids import HEIGHT, Guess, Solid
from kinema.judges.synthesis.stage import empty, fit_stage
from kinema.worlds.tabletop.attributes import MATERIALS

COARSE, FINE = 32, 64  # pixels of the shorter side
COARSE_FRAMES, FINE_FRAMES = 9, 13
SOLIDS = (("ball", False), ("cube", False), ("cylinder", False), ("cylinder", True),
          ("cone", False))  # fmt: skip
FINALISTS = 3


@dataclass
class Explanation:
    """The render that comes nearest to a clip."""

    guess: Guess
    seen: list[Seen]  # where its objects are seen, at `FINE`
    known: Tensor  # (k f) bool: the object is seen well enough to be placed
    losses: list[dict[str, float]]  # of every object: shape -> loss of the best solid of it
    times: np.ndarray  # (f,) seconds


@dataclass
class Views:
    """A clip as it is looked at: whole and in part, coarse and fine."""

    times: np.ndarray
    coarse: Target
    fine: Target

    def improve(
        self, guess: Guess, which: list[int], rounds: int, fine: bool = False, staging: bool = False
    ) -> tuple[Guess, float]:
        """Improve solids on a part of the frames and carry the change over to all."""
        target, most = (self.fine, FINE_FRAMES) if fine else (self.coarse, COARSE_FRAMES)
        index = spread(len(self.times), most)
        part, loss = improve(target.some(index), guess.some(index), which, rounds, staging)
        result = Guess(part.stage, list(guess.solids))
        for number in which:
            before, after = guess.solids[number], part.solids[number]
            poses = carried(before.poses, after.poses, index)
            result = result.replaced(number, replace(after, poses=poses))
        return result, loss

    def loss(self, guess: Guess) -> float:
        """The loss on the coarse part."""
        index = spread(len(self.times), COARSE_FRAMES)
        return self.coarse.some(index).loss(guess.some(index))


def carried(poses: Tensor, part: Tensor, index: np.ndarray) -> Tensor:
    """Give poses (f 4) the change that some of them had, and what lies between a mean of it."""
    shift = (part - poses[index]).numpy()
    numbers = np.arange(len(poses))
    between = np.stack([np.interp(numbers, index, one) for one in shift.T], axis=1)
    result = poses + torch.from_numpy(between).float()
    result[index] = part
    result[:, HEIGHT].clamp_(min=0.0)
    return result


def resized(frames: Tensor, size: int) -> Tensor:
    """Frames (f h w 3) with a shorter side of `size` pixels."""
    h, w = frames.shape[1:3]
    if min(h, w) == size:
        return frames
    shape = (round(h * size / min(h, w)), round(w * size / min(h, w)))
    small = F.interpolate(frames.movedim(-1, 1), shape, mode="area")
    return small.movedim(1, -1)


def spread(count: int, most: int) -> np.ndarray:
    """At most so many of the numbers below count, first and last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


@torch.inference_mode()
def explain(frames: np.ndarray, fps: float = 16.0) -> Explanation:
    """Find the stage, the solids and their poses that best explain frames, uint8 (f h w 3)."""
    fine = resized(torch.from_numpy(frames).float() / 255.0, FINE)
    coarse = resized(fine, COARSE)
    times = np.arange(len(frames)) / fps
    stage = fit_stage(coarse, fine, times)
    seen = objects_in(fine, empty(stage, times, (fine.shape[1], fine.shape[2])))
    known = torch.stack([one.known for one in seen]) if seen else torch.zeros(0, len(times)) > 0
    views = Views(times, Target(coarse, times, known), Target(fine, times, known))
    guess = Guess(stage, [])
    for one in seen:
        guess = placed(views, guess, first_guesses(stage, one, times))
    losses = []
    for number in range(len(seen)):
        guess, loss = shaped(views, guess, number)
        losses.append(loss)
    everything = list(range(len(seen)))
    if seen:
        guess, _ = views.improve(guess, everything, 3, fine=True, staging=True)
        guess, _ = improve(views.fine, guess, everything, 1)
    return Explanation(guess, seen, known, losses, times)


def placed(views: Views, guess: Guess, starts: list[Solid]) -> Guess:
    """Add one more solid, from whichever start leads further."""
    number = len(guess.solids)
    options = []
    for solid in starts:
        tried = Guess(guess.stage, [*guess.solids, solid])
        options.append(views.improve(tried, [number], 3)[::-1])
    return min(options, key=lambda option: option[0])[1]


def shaped(views: Views, guess: Guess, number: int) -> tuple[Guess, dict[str, float]]:
    """Try every shape in place of one solid; return the best, and the loss of the best ones."""
    tried = []
    for shape, lying in SOLIDS:
        one = guess.replaced(number, replace(guess.solids[number], shape=shape, lying=lying))
        one = turned(views.coarse, one, number)
        one, _ = views.improve(one, [number], 3)
        one = min(materials(one, number), key=views.loss)
        tried.append(views.improve(one, [number], 2)[::-1])
    tried.sort(key=lambda pair: pair[0])
    finals = [views.improve(one, [number], 3, fine=True)[::-1] for _, one in tried[:FINALISTS]]
    finals.sort(key=lambda pair: pair[0])
    losses: dict[str, float] = {}
    for loss, one in finals:
        losses.setdefault(one.solids[number].shape, loss)
    return finals[0][1], losses


def materials(guess: Guess, number: int) -> list[Guess]:
    """The same with one solid of every material."""
    solid = guess.solids[number]
    return [guess.replaced(number, replace(solid, material=one)) for one in MATERIALS]
