"""Scores of a clip of the ladder, and of its floor: the true clip, coded and decoded."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from kinema.clips import to_frames, to_tensor
from kinema.codecs import CausalVAE
from kinema.judges import tabletop as judge
from kinema.judges.tabletop.scoring import TOTAL_QUESTIONS, is_right
from kinema.metrics import motion_magnitude, observe, psnr, warping_error
from kinema.metrics.temporal.flicker import flicker
from kinema.motion import DIS, Flow, confirmed, warp
from kinema.probes.unseen import FIRST_SEED
from kinema.worlds import Rendering, WorldClip, tabletop
from studies.ladder.arms import Track
from studies.ladder.task import decode_frames, encode_frames

FAST = DIS(short_side=128, preset="fast")  # enough to tell whether anything moves

EXACT, SUBJECT, REMADE_MOTION = "exact flow", "exact flow, subject", "motion, made again"
LIKENESS = "PSNR"
ESTIMATED, FLICKER, DRIFT, MOTION, PROMPT = (
    "estimated flow", "flicker", "identity drift", "motion", "prompt",
)  # fmt: skip
OVER_FLOOR = (EXACT, SUBJECT, ESTIMATED, FLICKER, DRIFT)
"""Scores whose floor, that of the true clip through the codec, is subtracted in the table."""

Scores = dict[str, float]


@dataclass
class Scenes:
    """True clips that no network has seen."""

    clips: list[WorldClip]  # with their truth
    coded: np.ndarray  # the same through the codec, uint8 (n f h w 3): the floor
    latents: Tensor  # (n c f h w)

    @property
    def captions(self) -> list[str]:
        return [clip.caption for clip in self.clips]


@torch.no_grad()
def true_scenes(track: Track, codec: CausalVAE, num_clips: int, level: int, size: int) -> Scenes:
    """Render unseen scenes of a track with their truth, and code them."""
    seeds = list(range(FIRST_SEED, FIRST_SEED + num_clips))
    clips = tabletop.render(
        seeds, Rendering(track.num_frames, size, level, "train", track.fps, truth=True)
    )
    latents = [encode_frames(codec, to_tensor(clip.frames)[None]) for clip in clips]
    coded = [to_frames(decode_frames(codec, row).clamp(-1, 1)) for row in latents]
    return Scenes(clips, np.concatenate(coded), torch.cat(latents))


def score_remade(frames: np.ndarray, clip: WorldClip) -> tuple[Scores, list[float]]:
    """Return scores by the world's exact truth of a clip that was made again from `clip`.

    Warping error in gray levels of 255, over the whole frame and over the moving objects alone; the
    drift of the objects' color; and the motion that is left, in pixels a frame, and the PSNR to
    the true clip, in dB, since a clip that stands still or shows nothing would score 0.

    Returns:
        the scores, and the drift at each lag.
    """
    truth = clip.truth
    assert truth is not None and truth.masks is not None
    assert truth.flow_forward is not None and truth.flow_backward is not None
    flow = Flow(truth.flow_forward, truth.flow_backward)
    # Without the rim, where a pixel is half background
    inside = [cv2.erode(np.uint8(mask > 0), np.ones((3, 3), np.uint8)) > 0 for mask in truth.masks]
    whole, subject = [], []
    for t, (ahead, back) in enumerate(zip(flow.forward, flow.backward, strict=True)):
        for here, there, way, reverse in ((t, t + 1, ahead, back), (t + 1, t, back, ahead)):
            error, seen = residual(frames[here], frames[there], way, reverse)
            whole.append(mean_of_known(error[seen]))
            subject.append(mean_of_known(error[seen & inside[here]]))
    drift = drift_over_lag(frames, truth.masks)
    scores = {
        EXACT: mean_of_known(whole),
        SUBJECT: mean_of_known(subject),
        DRIFT: mean_of_known(drift[-max(1, len(drift) // 4) :]),
        REMADE_MOTION: motion_magnitude(frames, method=FAST).top,
        LIKENESS: psnr(frames, clip.frames),
    }
    return scores, drift


def drift_over_lag(frames: np.ndarray, masks: np.ndarray) -> list[float]:
    """Return how far an object's mean color is from itself `lag` frames later, CIELAB units.

    Args:
        frames: uint8 (f h w 3).
        masks: (f h w), 0 where there is no object, 1 + i under object i.

    Returns:
        for lags 0 to f - 1 the mean over objects and moments; NaN where none is seen at both.
    """
    lab = np.stack([cv2.cvtColor(np.float32(x) / 255, cv2.COLOR_RGB2LAB) for x in frames])
    colors = np.full((masks.max(), len(frames), 3), np.nan)  # objects, frames
    for i, t in np.ndindex(colors.shape[:2]):
        if (under := masks[t] == i + 1).any():
            colors[i, t] = lab[t][under].mean(0)
    apart = np.linalg.norm(colors[:, :, None] - colors[:, None], axis=-1)  # objects, t, s
    return [
        mean_of_known(np.diagonal(apart, lag, 1, 2).ravel().tolist()) for lag in range(len(frames))
    ]


def mean_of_known(values: Sequence[float] | np.ndarray) -> float:
    """Return the mean of those that are not NaN; NaN if none is."""
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else float("nan")


def residual(
    frame: np.ndarray, other: np.ndarray, flow: np.ndarray, reverse: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what rebuilding `frame` from `other` misses, and where that counts: both (h w).

    The flow is exact, so what it hides is hidden in the world, and says nothing of the clip.
    """
    rebuilt, _ = warp(other, flow)
    return np.abs(rebuilt - frame).mean(-1), confirmed(flow, reverse)


def score_free(frames: np.ndarray) -> Scores:
    """Return scores of a clip made from a prompt alone.

    Warping error by estimated flow (gray levels), flicker (pixels), and the motion of the fastest
    pixels (pixels a frame).
    """
    evidence = observe(frames)
    return {
        ESTIMATED: warping_error(frames, evidence.flow).value,
        FLICKER: float(flicker(evidence)),
        MOTION: motion_magnitude(frames, evidence.flow).top,
    }


def prompts_followed(frames: np.ndarray, clips: Sequence[WorldClip], fps: float) -> list[float]:
    """Return 1 where the judge finds all that the clip's caption asks for, else 0."""
    read = judge.read(judge.load(), list(frames), fps)
    asked = [judge.true_answers(tabletop.Attributes.from_json(clip.attributes)) for clip in clips]
    return [float(is_right(r, a, TOTAL_QUESTIONS)) for r, a in zip(read, asked, strict=True)]
