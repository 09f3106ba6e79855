from kinema.metrics.objects.physics import PROBES, probe_physics
from kinema.worlds import Rendering, discs, tabletop


def test_every_probe_answers_and_true_worlds_break_no_law():
    for clip, planar in (
        (discs.render([0], Rendering(32, level=3))[0], True),
        (tabletop.render([9_000_003], Rendering(24, 64, 2, "all"))[0], False),
    ):
        findings = probe_physics(clip.frames, clip.fps, planar=planar)
        assert findings.keys() == PROBES.keys()
        assert [name for name, one in findings.items() if one.holds is False] == []


def test_footage_says_why_nobody_can_tell(pan):
    findings = probe_physics(pan)
    assert {finding.verdict for finding in findings.values()} == {"cannot tell"}
    assert all(finding.note for finding in findings.values())
