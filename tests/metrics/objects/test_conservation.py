import numpy as np
import pytest

from kinema.metrics.objects.conservation import conserved_colour, conserved_count, conserved_size
from kinema.worlds import discs

LAWS = [conserved_count, conserved_size, conserved_colour]


def disc(radius=1.2, colour=(214, 39, 40), num_frames=16, x=4.0, y=5.0):
    """One disc that drifts to the right; radius and colour may be one value a frame."""
    times = np.arange(num_frames)
    radii, colours = np.broadcast_to(radius, num_frames), np.broadcast_to(colour, (num_frames, 3))
    frames = np.full((num_frames, 64, 64, 3), 255.0)
    for t in times:
        centre = np.array([[[x + 0.1 * t, y]]])
        share = discs.coverage(centre, np.array([radii[t]]), (64, 64))[0, 0][..., None]
        frames[t] += share * (colours[t] - 255.0)
    return frames.round().astype(np.uint8)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("level", [1, 2, 3])
def test_true_worlds_conserve(law, level):
    for seed in range(3):
        assert law(discs.render([seed], level=level)[0].frames).verdict == "holds"


def test_a_second_object_out_of_nothing_counts():
    frames = disc(y=3.0)
    frames[8:] = np.minimum(frames[8:], disc(y=7.0)[8:])
    finding = conserved_count(frames)
    assert (finding.verdict, finding.value, finding.frames) == ("violated", 1, [8])


def test_growth_at_once_is_seen_and_steady_growth_is_not():
    jump = np.where(np.arange(16) < 8, 1.0, 1.3)
    finding = conserved_size(disc(radius=jump))
    assert finding.verdict == "violated"
    assert finding.frames == [8]
    assert finding.value == pytest.approx(100 * (1.3**2 - 1), abs=6)
    assert conserved_size(disc(radius=np.linspace(0.8, 1.6, 16))).verdict == "holds"


def test_a_change_of_colour_is_seen_and_one_of_light_is_not():
    red, green = np.array([214, 39, 40]), np.array([60, 160, 60])
    late = (np.arange(16) >= 8)[:, None]
    finding = conserved_colour(disc(colour=np.where(late, green, red)))
    assert finding.verdict == "violated"
    assert finding.frames[0] in (8, 9)
    assert conserved_colour(disc(colour=np.where(late, 0.93 * red, red))).verdict == "holds"


@pytest.mark.parametrize("law", LAWS)
def test_what_cannot_be_found_cannot_be_judged(law, pan):
    assert law(pan).verdict == "cannot tell"
