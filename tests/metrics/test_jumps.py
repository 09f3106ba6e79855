import numpy as np
import pytest

from kinema.metrics.jumps import cut_strength, jump, leap


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


def test_the_whole_wall_leaping_is_a_camera(make_pan):
    wall = make_pan(pixels=1, num_frames=40)
    frames = wall[[0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]]
    assert float(leap(frames)) < 100 * 5 / 96 / 2


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
