import numpy as np
import pytest

from kinema.metrics.objects.impacts import find_impacts, momentum, restitution
from kinema.metrics.objects.tracks import follow_objects
from kinema.probes.consistency.faults import moved, too_fast, unmoved
from kinema.worlds import Rendering, discs

SEEDS = range(5)


@pytest.mark.parametrize("seed", SEEDS)
def test_elastic_impacts_are_read_to_a_hundredth(seed):
    clip = discs.render([seed], Rendering(32, level=3, truth=True))[0]
    objects = follow_objects(clip.frames, clip.fps)
    (impact,) = find_impacts(objects)
    assert abs(impact.frame - clip.truth.events[0]["frame"]) <= 1
    assert momentum(objects).value < 0.01
    assert restitution(objects).value == pytest.approx(1, abs=0.02)


def test_energy_out_of_nothing_is_seen():
    clips = [moved(too_fast)(discs.sample_scene(k, 3)) for k in SEEDS]
    verdicts = [restitution(follow_objects(frames)) for frames in clips]
    assert [finding.verdict for finding in verdicts] == ["violated"] * len(SEEDS)
    assert np.median([finding.value for finding in verdicts]) == pytest.approx(1.5, abs=0.1)


def test_one_sided_impacts_are_seen_where_they_can_be_told():
    clips = [moved(unmoved)(discs.sample_scene(k, 3)) for k in SEEDS]
    verdicts = [momentum(follow_objects(frames)).verdict for frames in clips]
    assert "holds" not in verdicts
    assert verdicts.count("violated") >= 3


def test_one_object_alone_has_no_impact():
    objects = follow_objects(discs.render([0], Rendering(32, level=2))[0].frames)
    assert momentum(objects).verdict == restitution(objects).verdict == "cannot tell"
