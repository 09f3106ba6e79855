import pytest

from kinema.metrics.objects.contact import cause_before_effect, interpenetration
from kinema.probes.consistency.faults import moved, through, too_early
from kinema.worlds import discs

SEEDS = range(4)


@pytest.mark.parametrize("seed", SEEDS)
def test_discs_that_collide_touch_and_do_not_overlap(seed):
    frames = discs.render([seed], level=3)[0].frames
    assert interpenetration(frames, planar=True).verdict in ("holds", "cannot tell")
    assert cause_before_effect(frames).verdict == "holds"


@pytest.mark.parametrize("seed", SEEDS)
def test_discs_that_pass_through_each_other_are_seen(seed):
    finding = interpenetration(moved(through, over=True)(discs.sample_scene(seed, 3)), planar=True)
    assert finding.verdict == "violated"
    assert finding.value > 60


@pytest.mark.parametrize("seed", SEEDS)
def test_a_bounce_before_the_touch_is_seen(seed):
    finding = cause_before_effect(moved(too_early)(discs.sample_scene(seed, 3)))
    assert finding.verdict == "violated"
    assert finding.value >= 1


def test_steady_motion_needs_no_cause():
    assert cause_before_effect(discs.render([0], level=1)[0].frames).verdict == "cannot tell"
