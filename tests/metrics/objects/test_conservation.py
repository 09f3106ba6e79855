import numpy as np
import pytest

from kinema.metrics.objects.conservation import conserved_color, conserved_count, conserved_size
from kinema.metrics.objects.tracks import follow_objects
from kinema.worlds import Rendering, discs

LAWS = [conserved_count, conserved_size, conserved_color]


def disc(radius=1.2, color=(214, 39, 40), num_frames=16, x=4.0, y=5.0):
    """One disc that drifts to the right; radius and color may be one value a frame."""
    times = np.arange(num_frames)
    radii, colors = np.broadcast_to(radius, num_frames), np.broadcast_to(color, (num_frames, 3))
    frames = np.full((num_frames, 64, 64, 3), 255.0)
    for t in times:
        center = np.array([[[x + 0.1 * t, y]]])
        share = discs.coverage(center, np.array([radii[t]]), (64, 64))[0, 0][..., None]
        frames[t] += share * (colors[t] - 255.0)
    return frames.round().astype(np.uint8)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("level", [1, 2, 3])
def test_true_worlds_conserve(law, level):
    for clip in discs.render([0, 1, 2], Rendering(32, level=level)):
        assert law(follow_objects(clip.frames)).verdict == "holds"


def test_a_second_object_out_of_nothing_counts():
    frames = disc(y=3.0)
    frames[8:] = np.minimum(frames[8:], disc(y=7.0)[8:])
    finding = conserved_count(follow_objects(frames))
    assert (finding.verdict, finding.value, finding.frames) == ("violated", 1, [8])


def test_growth_at_once_is_seen_and_steady_growth_is_not():
    jump = np.where(np.arange(16) < 8, 1.0, 1.3)
    finding = conserved_size(follow_objects(disc(radius=jump)))
    assert finding.verdict == "violated"
    assert finding.frames == [8]
    assert finding.value == pytest.approx(100 * (1.3**2 - 1), abs=6)
    assert conserved_size(follow_objects(disc(radius=np.linspace(0.8, 1.6, 16)))).verdict == "holds"


def test_a_change_of_color_is_seen_and_one_of_light_is_not():
    red, green = np.array([214, 39, 40]), np.array([60, 160, 60])
    late = (np.arange(16) >= 8)[:, None]
    finding = conserved_color(follow_objects(disc(color=np.where(late, green, red))))
    assert finding.verdict == "violated"
    assert finding.frames[0] in (8, 9)
    dimmed = follow_objects(disc(color=np.where(late, 0.93 * red, red)))
    assert conserved_color(dimmed).verdict == "holds"


@pytest.mark.parametrize("law", LAWS)
def test_what_cannot_be_found_cannot_be_judged(law, pan):
    assert law(follow_objects(pan)).verdict == "cannot tell"
