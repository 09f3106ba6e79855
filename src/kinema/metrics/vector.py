"""The vector: every score of a clip, from motion that is computed once.

No single number tells a good video from a bad one (a frozen clip wins on most of them), so a clip
is described by all of these together, and verdicts are reached on the vector.
"""

from collections.abc import Callable

import numpy as np

from kinema.metrics.evidence import Evidence, Score, observe
from kinema.metrics.temporal import (
    background,
    flicker,
    geometry,
    identity,
    jumps,
    lighting,
    sharpness,
    steadiness,
    stillness,
)

METRICS: dict[str, Callable[[Evidence], Score]] = {
    "motion": stillness.motion,
    "change": stillness.change,
    "still_share": stillness.still_share,
    "held_share": stillness.held_share,
    "repeat_share": stillness.repeat_share,
    "duplicate_share": stillness.duplicate_share,
    "judder": stillness.judder,
    "loop": stillness.loop,
    "flicker": flicker.flicker,
    "texture_flicker": flicker.texture_flicker,
    "noise": flicker.noise,
    "fast_share": flicker.fast_share,
    "gain_flicker": lighting.gain_flicker,
    "luma_flicker": lighting.luma_flicker,
    "pumping": lighting.pumping,
    "light_drift": lighting.light_drift,
    "shake": steadiness.shake,
    "swimming": steadiness.swimming,
    "acceleration": steadiness.acceleration,
    "continuity": steadiness.continuity,
    "agreement": steadiness.agreement,
    "disorder": steadiness.disorder,
    "jump": jumps.jump,
    "leap": jumps.leap,
    "cut": jumps.cut_strength,
    "histogram_drift": identity.histogram_drift,
    "tracked_drift": identity.tracked_drift,
    "steady_drift": identity.steady_drift,
    "lost_share": identity.lost_share,
    "background_change": background.background_change,
    "strain": geometry.strain,
    "detail": sharpness.detail,
    "crispness": sharpness.crispness,
    "trail": sharpness.trail,
    "blur_growth": sharpness.blur_growth,
    "detail_loss": sharpness.detail_loss,
}

# What must stay the same from frame to frame, and the scores that say whether it does.
CONSISTENCY: dict[str, tuple[str, ...]] = {
    "identity": ("tracked_drift", "histogram_drift", "lost_share"),
    "geometry": ("strain",),
    "texture": ("texture_flicker", "swimming"),
    "lighting": ("gain_flicker", "pumping", "light_drift"),
    "background": ("background_change",),
    "camera": ("shake",),
}

# How the windows of a long clip are put together: the worst one, or their mean.
WORST = frozenset(
    {
        *("still_share", "loop", "jump", "leap", "cut", "histogram_drift", "tracked_drift"),
        *("lost_share", "strain", "blur_growth", "detail_loss", "pumping"),
        *("light_drift", "steady_drift", "background_change"),
    }
)


def measure(frames: np.ndarray | Evidence, fps: float = 25.0) -> dict[str, Score]:
    """Score a clip, uint8 (f h w 3) or Evidence, on everything in `METRICS`.

    The value of `strain` is NaN where it cannot be told; no score depends on the frame rate.

    Raises:
        UserError: if there is no frame, or the frames are not uint8 RGB of one size.
    """
    evidence = observe(frames, fps)
    return {name: metric(evidence) for name, metric in METRICS.items()}
