"""What coding did to a clip: how close it is, what flickers now, what still moves.

`Seams` looks for the place of the flicker: a codec of blocks of frames jumps where one ends.
"""

from dataclasses import dataclass, field

import numpy as np

from kinema.metrics import warping_error
from kinema.metrics.features.fidelity import psnr, ssim
from kinema.motion import DIS, Flow, optical_flow

BITS_OF_A_LATENT, BITS_OF_A_PIXEL = 16, 8


@dataclass
class CodecScores:
    """One row of the table; every list holds a figure for each clip."""

    values: float = 0.0  # pixel values (3 f h w) for one value kept, the mean over clips
    psnr: list[float] = field(default_factory=list)  # dB; higher is closer
    ssim: list[float] = field(default_factory=list)  # 1 is equal
    # gray levels by which the error changes from frame to frame; 0 is steady.
    flicker: list[float] = field(default_factory=list)
    warping: list[float] = field(default_factory=list)  # added warping error, gray levels
    motion: list[float] = field(default_factory=list)  # share of the true change; 1 is all
    seams: list[float] = field(default_factory=list)  # flicker at seams over that elsewhere

    @property
    def bits(self) -> float:
        """Compression in bits, with 16-bit latents and 8-bit pixels."""
        return self.values * BITS_OF_A_PIXEL / BITS_OF_A_LATENT

    def add(self, clip: np.ndarray, back: np.ndarray, flow: Flow, period: int) -> None:
        """Score a clip, uint8 (f h w 3), and what came back of it.

        `flow` is of the true clip, `period` the frames that a latent frame stands for.
        """
        self.psnr.append(psnr(clip, back))
        self.ssim.append(ssim(clip, back))
        self.flicker.append(flicker_added(clip, back))
        self.warping.append(warping_added(clip, back, flow))
        self.motion.append(motion_kept(clip, back))
        self.seams.append(seam_ratio(changes(clip, back), period))


def changes(true: np.ndarray, coded: np.ndarray) -> np.ndarray:
    """Return mean |e(t+1) - e(t)| of the coding error e in gray levels: (f-1,)."""
    error = coded.astype(np.int16) - true
    return np.abs(np.diff(error, axis=0)).mean(axis=(1, 2, 3))


def flicker_added(true: np.ndarray, coded: np.ndarray) -> float:
    """Return the mean of `changes`; 0 for a single frame. An error that stands still adds none."""
    return float(changes(true, coded).mean()) if len(true) > 1 else 0.0


def seam_ratio(flicker: np.ndarray, period: int) -> float:
    """Return flicker where latent frames begin over flicker within them; NaN without such a place.

    The first frame is a latent frame of its own, so one begins with every frame 1 + k period.
    """
    begins = np.arange(len(flicker)) % period == 0
    if period == 1 or begins.all() or not flicker[~begins].mean():
        return float("nan")
    return float(flicker[begins].mean() / flicker[~begins].mean())


def warping_added(true: np.ndarray, coded: np.ndarray, flow: Flow) -> float:
    """Return how much more of the coded clip the true motion leaves unexplained, gray levels.

    Blurring lowers it, below 0 too: read it beside PSNR.
    """
    if len(true) < 2:
        return 0.0
    return warping_error(coded, flow).value - warping_error(true, flow).value


def motion_kept(true: np.ndarray, coded: np.ndarray) -> float:
    """Return the share of the true change from frame to frame that is left, by least squares.

    <d coded, d true> / <d true, d true>: 0 for a frozen clip, 1 if all motion is there; 1 too if
    there was none to keep.
    """
    before, after = (np.diff(clip.astype(np.float32), axis=0) for clip in (true, coded))
    energy = float((before * before).sum())
    return float((before * after).sum()) / energy if energy else 1.0


def motion_of(clip: np.ndarray) -> Flow:
    """Estimate the flow of the true clip, by which all codings are measured."""
    return optical_flow(clip, DIS(short_side=128))


@dataclass
class Seams:
    """Where in time the error of a coding lies, averaged over clips of one length."""

    flicker: np.ndarray  # (f-1,) mean change of the error from frame t to t+1, gray levels
    # (f // 2 + 1,) energy of the error, gray levels squared, at each frequency k / f, in cycles a
    # frame
    spectrum: np.ndarray

    @classmethod
    def of(cls, clips: list[np.ndarray], coded: list[np.ndarray]) -> "Seams":
        """Over the clips that are as long as the first."""
        pairs = [(a, b) for a, b in zip(clips, coded, strict=True) if len(a) == len(clips[0])]
        flicker = np.mean([changes(a, b) for a, b in pairs], axis=0)
        return cls(flicker, np.mean([error_spectrum(a, b) for a, b in pairs], axis=0))


def error_spectrum(true: np.ndarray, coded: np.ndarray) -> np.ndarray:
    """Return the energy of the coding error at 0 .. 1/2 cycles a frame: (f // 2 + 1,).

    Both signs of a frequency are added, so that the sum is the mean squared error.
    """
    error = coded.astype(np.float32) - true
    energy = np.square(np.abs(np.fft.rfft(error, axis=0))).mean(axis=(1, 2, 3)) / len(true) ** 2
    once = np.ones(len(energy))
    once[1 : (len(true) + 1) // 2] = 2
    return energy * once
