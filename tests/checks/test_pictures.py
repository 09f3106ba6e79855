import cv2
import numpy as np

from kinema.checks.pictures import flow_colors, heat, picture_moment, strip
from kinema.metrics.evidence import observe


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def test_a_strip_of_ten_frames():
    frames = np.zeros((30, 54, 54, 3), np.uint8)
    assert decoded(strip(frames)).shape == (108, 1080, 3)
    assert decoded(strip(frames[:2])).shape == (108, 216, 3)


def test_pictures_of_the_first_a_middle_and_the_only_frame():
    evidence = observe(np.random.default_rng(0).integers(0, 256, (4, 40, 40, 3), dtype=np.uint8))
    names = [[name for name, _ in picture_moment(evidence, t)] for t in (0, 2)]
    assert names == [
        ["frame", "frame +1", "flow", "residual"],
        ["frame -1", "frame", "frame +1", "flow", "residual"],
    ]
    only = observe(np.zeros((1, 40, 40, 3), np.uint8))
    assert [name for name, _ in picture_moment(only, 0)] == ["frame"]


def test_colors_of_motion_and_heat():
    flow = np.zeros((4, 4, 2), np.float32)
    assert flow_colors(flow).max() == 0
    flow[..., 0] = 3  # to the right: hue 0
    np.testing.assert_array_equal(flow_colors(flow)[0, 0], (255, 0, 0))
    np.testing.assert_array_equal(heat(np.array([[0.0, 2.0]]))[0], [(0, 0, 0), (255, 255, 255)])


def test_a_very_wide_clip_is_squeezed():
    wide = np.zeros((10, 8, 1600, 3), np.uint8)
    assert strip(wide)[:2] == b"\xff\xd8"
