import pytest

from kinema.metrics.objects.contact import cause_before_effect, interpenetration
from kinema.metrics.objects.tracks import follow_objects
from kinema.probes.consistency.faults import moved, through, too_early
from kinema.worlds import Rendering, discs

SEEDS = range(4)


@pytest.mark.parametrize("seed", SEEDS)
def test_discs_that_collide_touch_and_do_not_overlap(seed):
    frames = discs.render([seed], Rendering(32, level=3))[0].frames
    assert interpenetration(follow_objects(frames), planar=True).verdict in ("holds", "cannot tell")
    assert cause_before_effect(follow_objects(frames)).verdict == "holds"


@pytest.mark.parametrize("seed", SEEDS)
def test_discs_that_pass_through_each_other_are_seen(seed):
    frames = moved(through, over=True)(discs.sample_scene(seed, 3))
    finding = interpenetration(follow_objects(frames), planar=True)
    assert finding.verdict == "violated"
    assert finding.value > 60


@pytest.mark.parametrize("seed", SEEDS)
def test_a_bounce_before_the_touch_is_seen(seed):
    frames = moved(too_early)(discs.sample_scene(seed, 3))
    finding = cause_before_effect(follow_objects(frames))
    assert finding.verdict == "violated"
    assert finding.value >= 1


def test_steady_motion_needs_no_cause():
    objects = follow_objects(discs.render([0], Rendering(32, level=1))[0].frames)
    assert cause_before_effect(objects).verdict == "cannot tell"
