"""`kinema check --against --fidelity`: how close a clip is to its reference, pixel by pixel.

Only for pairs of one size and length. Frames are read from both files side by side, so that clips
of any length need the memory of two frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from kinema import clips
from kinema.metrics.features.fidelity import SSIM_RADIUS, psnr_of, ssim
from kinema.metrics.features.physics_iq import physics_iq

PictureDistance = Callable[[np.ndarray, np.ndarray], float]


def fidelity(
    file: Path, reference: Path, lpips: PictureDistance | None = None
) -> dict[str, float | None] | None:
    """Measure PSNR, SSIM, LPIPS and Physics-IQ's four scores; None if the shapes differ.

    A PSNR of identical clips, which is infinite, and what cannot be measured are None.
    """
    shapes = [(i.num_frames, i.height, i.width) for i in map(clips.inspect, (file, reference))]
    if shapes[0] != shapes[1]:
        return None
    is_large = min(shapes[0][1:]) > 2 * SSIM_RADIUS
    errors, similarities, distances = [], [], []
    for a, b in zip(clips.stream(file), clips.stream(reference), strict=False):
        errors.append(float(np.mean((a.astype(np.float32) - b) ** 2)))
        if is_large:
            similarities.append(ssim(a[None], b[None]))
        if lpips is not None:
            distances.append(lpips(a, b))
    mse, fps = float(np.mean(errors)), clips.inspect(reference).fps
    motion = physics_iq(clips.stream(file), clips.stream(reference), fps)
    return {
        "psnr": psnr_of(mse) if mse else None,
        "ssim": float(np.mean(similarities)) if similarities else None,
        "lpips": float(np.mean(distances)) if distances else None,
        **asdict(motion),
    }


def lpips_of(trunk: str, heads: str) -> PictureDistance:
    """Load LPIPS from the files of its trunk and its heads: a distance of two frames (h w 3).

    Raises:
        UserError: if a file is missing or foreign.
    """
    from kinema.metrics.features.lpips import LPIPS, lpips

    network = LPIPS.from_files(trunk, heads)
    return lambda a, b: float(lpips(network, a[None], b[None]))
