import numpy as np
import pytest

from kinema.metrics.temporal.jumps import cut_strength, jump, leap


def with_square(frames, places, side=16):
    out = frames // 2 + 64
    for frame, (y, x) in zip(out, places, strict=True):
        frame[y : y + side, x : x + side] = (230, 40, 40)
    return out


def test_a_square_that_jumps_once(still):
    places = [(10, 10 + t) for t in range(8)] + [(60, 60 + t) for t in range(8)]
    jumped = jump(with_square(still, places))
    smooth = jump(with_square(still, [(10, 10 + t) for t in range(16)]))
    assert np.nanargmax(jumped.curve) == 8
    assert float(jumped) > 5 * float(smooth)


def test_a_square_that_vanishes(still):
    frames = with_square(still, [(40, 40)] * 16)
    frames[9:] = still[9:] // 2 + 64
    assert np.nanargmax(jump(frames).curve) == 9


def test_a_pan_goes_on_as_before_until_it_leaps(make_pan):
    wall = make_pan(pixels=1, num_frames=40)
    assert float(leap(wall[:12])) < 0.1
    leaping = leap(wall[[0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]])
    assert np.nanargmax(leaping.curve) == 6
    assert float(leaping) > 1


def test_a_short_jump_is_followed_by_the_flow_but_not_by_going_on(still):
    def moving(jump_at_8):
        return with_square(still, [(20, 10 + t + (t >= 8) * jump_at_8) for t in range(16)], side=40)

    assert np.nanargmax(leap(moving(6)).curve) == 8
    assert float(leap(moving(6))) > 5 * float(leap(moving(0)))


def test_an_impact_is_no_leap(still):
    """A square that stops or turns back is where its motion before, or after, puts it."""
    there_and_back = [(40, 10 + 2 * min(t, 16 - t)) for t in range(16)]
    jumping = [(40, 10 + 2 * t + (t >= 8) * 8) for t in range(16)]
    bounced, jumped = (leap(with_square(still, p, side=24)) for p in (there_and_back, jumping))
    assert float(bounced) < 0.3 * float(jumped)


def test_a_cut_is_no_jump_and_a_jump_is_no_cut(still, make_pan):
    shots = np.concatenate([make_pan(), (255 - make_pan(seed=5))[..., ::-1] // 2])
    assert float(cut_strength(shots)) > 1
    assert float(jump(shots)) < 1
    places = [(10, 10)] * 8 + [(60, 60)] * 8
    assert float(cut_strength(with_square(still, places))) < 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_clips_have_no_events(pan, count):
    assert float(jump(pan[:count])) == pytest.approx(0, abs=1)
    assert float(leap(pan[:count])) == pytest.approx(0, abs=1)


def test_a_jump_fills_more_of_the_picture_than_a_limb(still):
    places = [(10, 10)] * 8 + [(60, 60)] * 8
    small, large = (jump(with_square(still, places, side)) for side in (5, 24))
    assert float(large) > 5 * float(small)
