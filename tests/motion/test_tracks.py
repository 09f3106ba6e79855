import numpy as np

from kinema.motion import Flow
from kinema.motion.tracks import follow, grid_points, sample


def constant_flow(vector, pairs=4, size=(40, 40)):
    forward = np.broadcast_to(np.float32(vector), (pairs, *size, 2)).copy()
    return Flow(forward, -forward)


def test_points_are_carried_by_the_sum_of_the_steps():
    tracks = follow(constant_flow((1.5, 0.5)), np.float32([[10, 10], [20, 5]]))
    np.testing.assert_allclose(tracks.points[-1], [[16, 12], [26, 7]], atol=1e-4)
    assert tracks.visible.all()


def test_a_point_that_leaves_is_lost_for_good():
    tracks = follow(constant_flow((6, 0)), np.float32([[30, 20]]))
    assert tracks.visible[:, 0].tolist() == [True, True, False, False, False]


def test_a_point_whose_way_back_differs_is_lost():
    flow = constant_flow((2, 0))
    flow.backward[2] = (5, 5)
    tracks = follow(flow, np.float32([[10, 20]]))
    assert tracks.visible[:, 0].tolist() == [True, True, True, False, False]


def test_a_stretch_in_the_middle():
    tracks = follow(constant_flow((1, 0)), np.float32([[5, 5]]), start=1, stop=3)
    assert tracks.points[:, 0, 0].tolist() == [5, 6]


def test_grid_points_lie_inside():
    grid = grid_points((20, 30), 8)
    assert grid.shape == (2, 4, 2)
    assert grid[..., 0].max() < 30
    assert grid[..., 1].max() < 20


def test_sampling_between_pixels():
    image = np.arange(12, dtype=np.float32).reshape(3, 4)[..., None]
    np.testing.assert_allclose(sample(image, np.float32([[1.5, 1.0], [0, 0.5]])), [[5.5], [2.0]])


def test_no_points_read_nothing():
    image = np.zeros((8, 8, 2), np.float32)
    assert sample(image, np.zeros((0, 2), np.float32)).shape == (0, 2)
    assert sample(image[..., 0], np.zeros((0, 2), np.float32)).shape == (0, 1)
