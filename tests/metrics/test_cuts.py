import numpy as np

from kinema.metrics.cuts import adaptive_ratios, content_scores, find_cuts


def test_a_cut_is_found_where_it_is(pan, make_pan):
    other = (255 - make_pan(seed=5))[..., ::-1] // 2
    assert find_cuts(np.concatenate([pan, other])) == [16]


def test_motion_alone_is_no_cut(make_pan):
    assert find_cuts(make_pan(pixels=1)) == []
    assert find_cuts(make_pan(pixels=6)) == []


def test_content_of_a_known_change():
    frames = np.zeros((2, 4, 4, 3), np.uint8)
    frames[1] = (255, 0, 0)  # hue 0, saturation 255, value 255
    np.testing.assert_allclose(content_scores(frames), [0, (0 + 255 + 255) / 3])


def test_the_ratio_is_to_the_mean_of_four_neighbours():
    scores = np.array([0, 2.0, 4, 30, 2, 4, 2, 2])
    assert adaptive_ratios(scores)[3] == 30 / 3


def test_a_change_out_of_nothing_has_the_largest_ratio():
    assert adaptive_ratios(np.array([0, 0, 0, 20.0, 0, 0]))[3] == 255


def test_a_cut_soon_after_a_cut_is_left_out():
    dark, bright = np.zeros((1, 8, 8, 3), np.uint8), np.full((1, 8, 8, 3), 255, np.uint8)
    frames = np.concatenate([dark] * 9 + [bright] * 6 + [dark] * 9)
    assert find_cuts(frames) == [9, 15]
    assert find_cuts(frames, shortest_shot=15) == [9]
