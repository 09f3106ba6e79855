import pytest

from kinema.metrics.objects.permanence import permanence
from kinema.metrics.objects.tracks import follow_objects
from kinema.probes.consistency.faults import behind
from kinema.worlds import Rendering, discs


@pytest.mark.parametrize("seed", range(4))
def test_to_pass_behind_is_allowed_and_to_stay_there_is_not(seed):
    scene = discs.sample_scene(seed)
    assert permanence(follow_objects(behind(scene))).verdict == "holds"
    finding = permanence(follow_objects(behind(scene, swallow=True)))
    assert finding.verdict == "violated"
    assert finding.value == 1
    assert 5 < finding.frames[0] < 16  # where it was last seen going behind


def test_to_leave_the_picture_is_allowed():
    clip = discs.render([0], Rendering(32, level=1))[0]
    assert permanence(follow_objects(clip.frames)).verdict == "holds"
    clip.frames[12:] = 255
    finding = permanence(follow_objects(clip.frames))
    assert finding.verdict == "violated"
    assert finding.frames == [12]


def test_what_cannot_be_found_cannot_be_missed(pan):
    finding = permanence(follow_objects(pan))
    assert finding.verdict == "cannot tell"
    assert finding.note
