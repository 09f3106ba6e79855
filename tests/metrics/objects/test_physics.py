import pytest

from kinema.metrics.objects.physics import PROBES, probe_physics
from kinema.worlds import Rendering, discs, tabletop

# What the probes measured when their pages of results were written; None: they cannot tell.
DISCS = {
    "permanence": 0,
    "count": 0,
    "size": 0.4509,
    "color": 0.0,
    "contact": 0.0,
    "causality": 0,
    "gravity": None,
    "momentum": 0.0002,
    "energy": 1.0015,
}
TABLETOP = {
    "permanence": 0,
    "count": 0,
    "size": 12.0395,
    "color": 3.285,
    "contact": None,
    "causality": None,
    "gravity": 5.4217,
    "momentum": None,
    "energy": None,
}


def two_discs():
    return discs.render([0], Rendering(32, level=3))[0]


def two_solids():
    return tabletop.render([9_000_003], Rendering(24, 64, 2, "all"))[0]


@pytest.mark.parametrize(
    ("world", "planar", "known"), [(two_discs, True, DISCS), (two_solids, False, TABLETOP)]
)
def test_true_worlds_break_no_law_and_their_values_never_change(world, planar, known):
    clip = world()
    findings = probe_physics(clip.frames, clip.fps, planar=planar)
    assert findings.keys() == PROBES.keys()
    assert [name for name, one in findings.items() if one.holds is False] == []
    values = {name: finding.as_json()["value"] for name, finding in findings.items()}
    assert values == pytest.approx(known, rel=0.02, abs=2e-3)


def test_footage_says_why_nobody_can_tell(pan):
    findings = probe_physics(pan)
    assert {finding.verdict for finding in findings.values()} == {"cannot tell"}
    assert all(finding.note for finding in findings.values())
