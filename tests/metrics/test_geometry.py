import cv2
import numpy as np

from kinema.metrics.geometry import bending, strain


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
    assert float(bending(pan)) < 0.3


def test_melting_bends_and_strains(still):
    melted = warped(still, melt)
    assert float(bending(melted)) > 0.5
    assert float(strain(melted)) > 0.15
    assert bending(melted).curve[15] > bending(melted).curve[7] > bending(melted).curve[1]


def test_zoom_and_rotation_are_no_collapse(still):
    moved, melted = warped(still, zoom_and_turn), warped(still, melt)
    assert float(bending(moved)) < 0.3 * float(bending(melted))
    assert float(strain(moved)) < 0.3 * float(strain(melted))


def test_a_short_clip_has_no_long_tracks(pan):
    assert float(bending(pan[:3])) == 0
