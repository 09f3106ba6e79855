"""Scores of a clip of the ladder, and of its floor: the true clip, coded and decoded."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from kinema.clips import to_frames, to_tensor
from kinema.codecs import CausalVAE
from kinema.metrics import motion_magnitude, observe, warping_error
from kinema.metrics.flicker import flicker
from kinema.metrics.identity import tracked_drift
from kinema.motion import DIS, Flow, confirmed, warp
from kinema.probes import judge
from kinema.probes.ladder.arms import Track
from kinema.probes.ladder.task import decode_frames, encode_frames
from kinema.probes.prompts.scoring import TOTAL_QUESTIONS, is_right
from kinema.worlds import WorldClip, tabletop

FAST = DIS(short_side=128, preset="fast")  # enough to tell whether anything moves
FIRST_SEED = 2_000_000_000  # scenes that no training run draws

EXACT, SUBJECT, REMADE_MOTION = "exact flow", "exact flow, subject", "motion, made again"
ESTIMATED, FLICKER, DRIFT, MOTION, PROMPT = (
    "estimated flow", "flicker", "identity drift", "motion", "prompt",
)  # fmt: skip
OVER_FLOOR = (EXACT, SUBJECT, ESTIMATED, FLICKER, DRIFT)
"""Scores whose floor, that of the true clip through the codec, is subtracted in the table."""

Scores = dict[str, float]


@dataclass
class Scenes:
    """True clips that no network has seen.

    Attributes:
        clips: with their truth.
        coded: the same through the codec, uint8 (n f h w 3): the floor.
        latents: (n c f h w).
    """

    clips: list[WorldClip]
    coded: np.ndarray
    latents: Tensor

    @property
    def captions(self) -> list[str]:
        return [clip.caption for clip in self.clips]


@torch.no_grad()
def true_scenes(track: Track, codec: CausalVAE, num_clips: int, level: int, size: int) -> Scenes:
    """Render unseen scenes of a track with their truth, and code them."""
    seeds = list(range(FIRST_SEED, FIRST_SEED + num_clips))
    clips = tabletop.render(seeds, track.num_frames, size, level, "train", track.fps, truth=True)
    latents = [encode_frames(codec, to_tensor(clip.frames)[None]) for clip in clips]
    coded = [to_frames(decode_frames(codec, row).clamp(-1, 1)) for row in latents]
    return Scenes(clips, np.concatenate(coded), torch.cat(latents))


def score_remade(frames: np.ndarray, clip: WorldClip) -> Scores:
    """Warping error by the world's exact flow of a clip that was made again from `clip`.

    Grey levels of 255, over the whole frame and over the moving objects alone; and the motion that
    is left, in pixels a frame, since a clip that stands still would score 0.
    """
    truth = clip.truth
    assert truth is not None and truth.masks is not None
    flow = Flow(truth.flow_forward, truth.flow_backward)
    whole, subject = [], []
    for t, (ahead, back) in enumerate(zip(flow.forward, flow.backward, strict=True)):
        for here, there, way, reverse in ((t, t + 1, ahead, back), (t + 1, t, back, ahead)):
            error = residual(frames[here], frames[there], way, reverse)
            whole.append(error.mean())
            objects = truth.masks[here] > 0
            subject.append(error[objects].mean() if objects.any() else np.nan)
    return {
        EXACT: float(np.mean(whole)),
        SUBJECT: float(np.nanmean(subject)),
        REMADE_MOTION: motion_magnitude(frames, method=FAST).top,
    }


def residual(
    frame: np.ndarray, other: np.ndarray, flow: np.ndarray, reverse: np.ndarray
) -> np.ndarray:
    """(h w) what rebuilding `frame` from `other` along the flow misses; plain where unconfirmed."""
    rebuilt, _ = warp(other, flow)
    plain = cv2.absdiff(frame, other).mean(-1)
    return np.where(confirmed(flow, reverse), np.abs(rebuilt - frame).mean(-1), plain)


def score_free(frames: np.ndarray) -> tuple[Scores, list[float]]:
    """Scores of a clip made from a prompt alone, and its drift frame by frame.

    Warping error by estimated flow (grey levels), flicker (pixels), identity drift (CIELAB units),
    motion of the fastest pixels (pixels a frame).
    """
    evidence = observe(frames)
    drift = tracked_drift(evidence)
    scores = {
        ESTIMATED: warping_error(frames, evidence.flow).value,
        FLICKER: float(flicker(evidence)),
        DRIFT: float(drift),
        MOTION: motion_magnitude(frames, evidence.flow).top,
    }
    return scores, [float(x) for x in np.nan_to_num(drift.curve)]


def prompts_followed(frames: np.ndarray, clips: Sequence[WorldClip], fps: float) -> list[float]:
    """1 where the judge finds all that the clip's caption asks for, else 0."""
    read = judge.read(judge.load(), list(frames), fps)
    asked = [judge.true_answers(clip.attributes) for clip in clips]
    return [float(is_right(r, a, TOTAL_QUESTIONS)) for r, a in zip(read, asked, strict=True)]
