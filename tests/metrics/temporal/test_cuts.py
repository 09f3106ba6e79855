import numpy as np
import pytest

from kinema.metrics.temporal.cuts import adaptive_ratios, content_scores, cut_strengths, find_cuts


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


def test_the_ratio_is_to_the_mean_of_four_neighbors():
    scores = np.array([0, 2.0, 4, 30, 2, 4, 2, 2])
    assert adaptive_ratios(scores)[3] == 30 / 3


def test_a_change_out_of_nothing_has_the_largest_ratio():
    assert adaptive_ratios(np.array([0, 0, 0, 20.0, 0, 0]))[3] == 255


def test_a_cut_soon_after_a_cut_is_left_out():
    dark, bright = np.zeros((1, 8, 8, 3), np.uint8), np.full((1, 8, 8, 3), 255, np.uint8)
    frames = np.concatenate([dark] * 9 + [bright] * 6 + [dark] * 9)
    assert find_cuts(frames) == [9, 15]
    assert find_cuts(frames, shortest_shot=15) == [9]


def wave_footage():
    """Three shots of 20 frames of moving color waves, the same everywhere."""
    y, x = np.mgrid[:24, :32]
    t = np.arange(20)[:, None, None]
    shots = []
    for shot, (a, b, c) in enumerate([(3, 5, 7), (9, 2, 5), (4, 8, 3)]):
        waves = [a * x + b * y + k * t + 40 * shot * (i + 1) for i, k in enumerate((2, 3, c))]
        shots.append(np.stack(waves, axis=-1) % 256)
    return np.concatenate(shots).astype(np.uint8)


def test_scores_and_cuts_are_those_of_pyscenedetect():
    """Printed by PySceneDetect 0.7.2 (AdaptiveDetector, lossless file, no downscaling)."""
    frames = wave_footage()
    scores = content_scores(frames)
    ratios = adaptive_ratios(scores)
    printed = {
        3: (5.5907118055555545, 0.3636363636363635),
        19: (8.638888888888888, 0.4866592908182912),
        20: (49.96137152777778, 7.39526516976647),
        21: (4.9500868055555545, 0.2876690733675946),
        40: (37.600260416666664, 7.90338693123503),
        57: (1.81640625, 0.3971812940422806),
    }
    for frame, (content, ratio) in printed.items():
        np.testing.assert_allclose((scores[frame], ratios[frame]), (content, ratio), rtol=1e-9)
    judged = range(2, len(frames) - 2)  # PySceneDetect judges no others
    assert [cut for cut in find_cuts(frames) if cut in judged] == [20, 40]


@pytest.mark.parametrize("gain", [0.4, 1.6])
def test_a_lamp_that_is_switched_is_no_cut(pan, gain):
    switched = np.concatenate([pan[:8] * 0.6, pan[8:] * 0.6 * gain]).astype(np.uint8)
    assert content_scores(switched)[8] > 15
    assert find_cuts(switched) == []
    assert cut_strengths(switched).max() < 1
