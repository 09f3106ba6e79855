"""What is done to a clip before the command is asked for its verdict: faults and harmless changes.

`TRIALS` names every change, its group, and the failures that a right verdict names. Each is written
as a file of its own, as a user would have it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studies.ruler import soft_faults
from studies.ruler.corruptions import CORRUPTIONS, Corrupt
from studies.ruler.files import scaled, write_video

GROUPS = ("core", "soft", "weak", "alone", "harmless")
USUAL_LINES = 256  # strengths in pixels hold up to this size; larger frames take more pixels


@dataclass(frozen=True)
class Trial:
    """One change of a clip.

    Attributes:
        group: one of `GROUPS`.
        names: the failures that a right verdict names, any of them.
        write: (frames, fps, path of the reference, folder for the file, generator) -> the file.
        dark: whether the reference is the clip in the middle of a black picture.
    """

    group: str
    names: tuple[str, ...]
    write: Callable[[np.ndarray, float, Path, Path, np.random.Generator], Path]
    dark: bool = False


def spoiled(apply: Corrupt, strength: float, in_pixels: bool = False) -> Callable[..., Path]:
    """A fault, written with x264 at crf 18."""

    def write(
        frames: np.ndarray, fps: float, _: Path, folder: Path, generator: np.random.Generator
    ) -> Path:
        size = max(1.0, min(frames.shape[1:3]) / USUAL_LINES) if in_pixels else 1.0
        write_video(apply(frames, strength * size, generator), folder / "clip.mp4", fps)
        return folder / "clip.mp4"

    return write


def reencoded(suffix: str, encoder: str, scale: float = 1.0, **options: str) -> Callable[..., Path]:
    """A harmless change: another encoder, or another size."""

    def write(
        frames: np.ndarray, fps: float, _: Path, folder: Path, __: np.random.Generator
    ) -> Path:
        path = folder / f"clip.{suffix}"
        changed = frames if scale == 1 else scaled(frames, scale)
        write_video(changed, path, fps, encoder, **options)
        return path

    return write


def stamped(frames: np.ndarray, fps: float, _: Path, folder: Path, __: np.random.Generator) -> Path:
    """The same frames, said to be a quarter faster."""
    write_video(frames, folder / "clip.mp4", 1.25 * fps)
    return folder / "clip.mp4"


def moved(
    _: np.ndarray, __: float, reference: Path, folder: Path, ___: np.random.Generator
) -> Path:
    """The very same file."""
    return Path(shutil.copy(reference, folder / f"clip{reference.suffix}"))


def trimmed(frames: np.ndarray, fps: float, _: Path, folder: Path, __: np.random.Generator) -> Path:
    """The first two frames are gone."""
    write_video(frames[2:], folder / "clip.mp4", fps)
    return folder / "clip.mp4"


def one_frame(
    frames: np.ndarray, fps: float, _: Path, folder: Path, __: np.random.Generator
) -> Path:
    """Only the first frame."""
    write_video(frames[:1], folder / "clip.mp4", fps)
    return folder / "clip.mp4"


CORE = (
    "noise", "gain flicker", "texture flicker", "swimming", "shuffle", "jitter", "teleport", "cut",
    "identity drift", "growing blur", "stutter", "frozen", "frozen with noise", "frozen late",
    "loop", "compression", "pumping",
)  # fmt: skip
# Faults of which another name is as right: a loop that jumps back, texture that boils.
ALSO = {
    "loop": ("shuffle", "teleport", "cut"),
    "texture flicker": ("noise", "swimming"),
    "frozen late": ("stutter",),
    "compression": ("swimming",),
}
SOFT: dict[str, tuple[Corrupt, tuple[float, float], tuple[str, ...]]] = {
    "ghosting": (soft_faults.ghost, (7, 5), ("blur",)),
    "slow motion": (soft_faults.slow_down, (2, 1.5), ("frozen",)),
    "soft blur": (soft_faults.blur_all, (1.2, 0.8), ("blur",)),
}


def all_trials() -> dict[str, Trial]:
    """Make the table of trials."""
    trials = {}
    for name, fault in CORRUPTIONS.items():
        group = "core" if name in CORE else "soft" if name == "geometry collapse" else ""
        names = (fault.failure, *ALSO.get(name, ()))
        pixels = fault.unit == "pixels"
        if group:
            write = spoiled(fault.apply, fault.strengths[1], pixels)
            trials[name] = Trial(group, names, write)
        if group == "core" and fault.strengths[0] != fault.strengths[1]:
            write = spoiled(fault.apply, fault.strengths[0], pixels)
            trials[f"{name}, weak"] = Trial("weak", names, write)
    for name, (apply, strengths, names) in SOFT.items():
        for strength, group, tail in zip(strengths, ("soft", "weak"), ("", ", weak"), strict=True):
            write = spoiled(apply, strength, name == "soft blur")
            trials[name + tail] = Trial(group, names, write)
    gain, grow = CORRUPTIONS["gain flicker"].apply, CORRUPTIONS["growing blur"].apply
    trials["gain flicker 8 %"] = Trial("alone", ("flicker",), spoiled(gain, 8))
    trials["strong growing blur"] = Trial("alone", ("blur",), spoiled(grow, 4, True))
    trials["one frame"] = Trial("alone", ("frozen",), one_frame)
    trials["dark gain flicker 8 %"] = Trial("alone", ("flicker",), spoiled(gain, 8), dark=True)
    harmless: dict[str, Callable[..., Path]] = {
        "x264 crf 23": reencoded("mp4", "libx264", crf="23", preset="medium"),
        "x264 crf 28": reencoded("mp4", "libx264", crf="28", preset="medium"),
        "hevc": reencoded("mp4", "libx265"),
        "vp9": reencoded("webm", "libvpx-vp9"),
        "av1": reencoded("mkv", "libsvtav1"),
        "mpeg4": reencoded("avi", "mpeg4"),
        "0.75x": reencoded("mp4", "libx264", 0.75),
        "stamp": stamped,
        "container": moved,
        "trim by 2": trimmed,
    }
    for name, write in harmless.items():
        trials[name] = Trial("harmless", (), write)
    return trials


TRIALS = all_trials()
