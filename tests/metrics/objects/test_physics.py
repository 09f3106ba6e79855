import pytest

from kinema.metrics.objects.physics import PROBES, probe_physics
from kinema.worlds import Rendering, discs, tabletop

# In the order of PROBES; NAN: they cannot tell.
NAN = float("nan")
DISCS = [0, 0, 0.4509, 0, 0, 0, NAN, 0.0002, 1.0015]
TABLETOP = [0, 0, 12.0395, 3.285, NAN, NAN, 5.4217, NAN, NAN]


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
    assert [name for name, one in findings.items() if one.holds is False] == []
    assert findings.keys() == PROBES.keys()
    values = [finding.value for finding in findings.values()]
    assert values == pytest.approx(known, rel=0.02, abs=2e-3, nan_ok=True)


def test_footage_says_why_nobody_can_tell(pan):
    findings = probe_physics(pan)
    assert {finding.verdict for finding in findings.values()} == {"cannot tell"}
    assert all(finding.note for finding in findings.values())
