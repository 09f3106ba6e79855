import cv2
import numpy as np
import pytest

from kinema.metrics.geometry import _local_maps, _log_stretches, bending, strain
from kinema.motion.tracks import grid_points


def warped(frames, field_of):
    h, w = frames.shape[1:3]
    y, x = np.mgrid[:h, :w].astype(np.float32)
    out = []
    for t, frame in enumerate(frames):
        dx, dy = field_of(t, x, y)
        out.append(cv2.remap(frame, x + dx, y + dy, cv2.INTER_CUBIC, None, cv2.BORDER_REFLECT))
    return np.stack(out)


def melt(t, x, y):
    dx = 0.25 * t * np.sin(2 * np.pi * y / 40).astype(np.float32)
    return dx, 0.25 * t * np.sin(2 * np.pi * x / 40).astype(np.float32)


def zoom_and_turn(t, x, y):
    scale, angle = 0.006 * t, 0.006 * t
    x, y = x - 48, y - 48
    return -scale * x - angle * y, -scale * y + angle * x


def test_a_pan_keeps_its_shapes(pan):
    assert float(bending(pan)) < 0.05
    assert float(strain(pan)) < 0.05


def test_melting_bends_and_strains(still):
    melted = warped(still, melt)
    assert float(bending(melted)) > 0.1
    assert float(strain(melted)) > 0.15
    assert bending(melted).curve[15] > bending(melted).curve[7] > bending(melted).curve[1]


def test_zoom_and_rotation_are_no_collapse(still):
    moved, melted = warped(still, zoom_and_turn), warped(still, melt)
    assert float(bending(moved)) < 0.4 * float(bending(melted))
    assert float(strain(moved)) < 0.3 * float(strain(melted))


def test_a_short_clip_has_no_long_tracks(pan):
    assert np.isnan(bending(pan[:3]))


def test_a_thing_that_passes_is_no_collapse(still):
    frames = still.copy()
    for t, frame in enumerate(frames):
        frame[30:60, 2 * t : 2 * t + 30] = still[0, 60:90, 40:70]
    assert float(strain(frames)) < 0.5 * float(strain(warped(still, melt)))


def test_flat_places_say_nothing(still):
    grey = np.full_like(still, 128)
    grey[:, 40:52, 40:52] = still[:, 40:52, 40:52]
    assert np.isnan(strain(warped(grey, melt)))


@pytest.mark.parametrize(("stretch", "shear"), [(0.0, 0.0), (0.2, 0.0), (0.1, 0.3)])
def test_local_maps_are_the_field_that_moved_the_points(stretch, shear):
    grid = grid_points((64, 80), 4)
    matrix = np.array([[1 + stretch, shear], [0.0, 1.0]])
    moved = grid.reshape(-1, 2) @ matrix.T + (3, -2)
    maps, residual = _local_maps(grid, moved, np.ones(len(moved), bool))
    np.testing.assert_allclose(maps, np.broadcast_to(matrix.T, maps.shape), atol=1e-4)
    np.testing.assert_allclose(residual, 0, atol=1e-3)
    logs = np.sort(_log_stretches(maps)[0])
    expected = np.sort(np.log(np.linalg.svd(matrix, compute_uv=False)))
    np.testing.assert_allclose(logs, expected, atol=1e-4)
