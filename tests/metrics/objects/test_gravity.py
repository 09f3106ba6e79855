import numpy as np
import pytest

from kinema.metrics.objects.gravity import gravity
from kinema.metrics.objects.tracks import follow_objects
from kinema.worlds import Rendering, discs


@pytest.mark.parametrize("seed", range(4))
def test_the_acceleration_of_a_parabola_is_read(seed):
    clip = discs.render([seed], Rendering(32, level=2))[0]
    finding = gravity(follow_objects(clip.frames, clip.fps))
    diameter = 2 * clip.attributes["radii"][0]
    assert finding.verdict == "holds"
    assert finding.value == pytest.approx(discs.GRAVITY / diameter, rel=0.03)


@pytest.mark.parametrize("seed", range(4))
def test_a_clip_upside_down_is_a_violation(seed):
    frames = np.ascontiguousarray(discs.render([seed], Rendering(32, level=2))[0].frames[:, ::-1])
    finding = gravity(follow_objects(frames))
    assert finding.verdict == "violated"
    assert finding.value < 0
    assert finding.frames


def test_time_reversed_is_no_violation():
    frames = discs.render([0], Rendering(32, level=2))[0].frames
    assert gravity(follow_objects(frames[:20][::-1])).verdict == "holds"


def test_level_motion_tells_nothing():
    objects = follow_objects(discs.render([0], Rendering(32, level=1))[0].frames)
    assert gravity(objects).verdict == "cannot tell"
