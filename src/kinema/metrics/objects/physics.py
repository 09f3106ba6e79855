"""All probes of physics on one clip, from objects that are found and followed once."""

from collections.abc import Callable

import numpy as np

from kinema.metrics.evidence import Evidence
from kinema.metrics.objects.conservation import conserved_color, conserved_count, conserved_size
from kinema.metrics.objects.contact import cause_before_effect, interpenetration
from kinema.metrics.objects.finding import Finding
from kinema.metrics.objects.gravity import gravity
from kinema.metrics.objects.impacts import momentum, restitution
from kinema.metrics.objects.permanence import permanence
from kinema.metrics.objects.tracks import Followed, follow_objects

PROBES: dict[str, Callable[[Followed], Finding]] = {
    "permanence": permanence,
    "count": conserved_count,
    "size": conserved_size,
    "color": conserved_color,
    "contact": interpenetration,
    "causality": cause_before_effect,
    "gravity": gravity,
    "momentum": momentum,
    "energy": restitution,
}


def probe_physics(
    frames: np.ndarray | Evidence,
    fps: float = 25.0,
    masks: np.ndarray | None = None,
    planar: bool = False,
) -> dict[str, Finding]:
    """Ask every probe about a clip, uint8 (f h w 3) or Evidence, at a frame rate.

    Masks (f h w) uint8 say which pixel shows which object, where a world knows that; otherwise
    objects are found by color, and every probe says "cannot tell" where they cannot be. For
    `planar` see `interpenetration`.

    Raises:
        UserError: if there is no frame, or the frames are not uint8 RGB of one size.
    """
    objects = follow_objects(frames, fps, masks)
    findings = {name: probe(objects) for name, probe in PROBES.items()}
    return findings | ({"contact": interpenetration(objects, True)} if planar else {})
