import cv2
import numpy as np
import pytest

from kinema.metrics.temporal.geometry import log_stretches, strain


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
    assert float(strain(pan)) < 0.03


def test_melting_strains_more_and_more(still):
    melted = strain(warped(still, melt))
    assert float(melted) > 0.2
    assert melted.curve[15] > melted.curve[7] > melted.curve[1]


def test_zoom_and_rotation_are_no_collapse(still):
    inside = np.s_[:, 12:-12, 12:-12]  # what came in from outside is mirrored
    moved, melted = (strain(warped(still, field)[inside]) for field in (zoom_and_turn, melt))
    assert float(moved) < 0.2 * float(melted)


def test_a_short_clip_cannot_tell(pan):
    assert np.isnan(strain(pan[:3]).value)


def test_a_thing_that_passes_is_no_collapse(still):
    frames = still.copy()
    for t, frame in enumerate(frames):
        frame[30:60, 2 * t : 2 * t + 30] = still[0, 60:90, 40:70]
    assert float(strain(frames)) < 0.3 * float(strain(warped(still, melt)))


def test_flat_places_say_nothing(still):
    assert np.isnan(strain(np.full_like(still, 128)).value)


def test_fewer_patches_are_less_sure(still):
    gray = np.full_like(still, 128)
    gray[:, 30:66, 30:66] = still[:, 30:66, 30:66]
    few, many = strain(warped(gray, melt)), strain(warped(still, melt))
    assert few.error > 2 * many.error > 0


def test_size_does_not_matter(still):
    melted = warped(still, melt)
    large = np.stack([cv2.resize(frame, None, fx=2, fy=2) for frame in melted])
    assert float(strain(large)) == pytest.approx(float(strain(melted)), rel=0.25)


def test_forwards_and_backwards_are_alike(still):
    melted = warped(still, melt)
    assert float(strain(melted[::-1])) == pytest.approx(float(strain(melted)), rel=0.1)


@pytest.mark.parametrize(("stretch", "shear"), [(0.0, 0.0), (0.2, 0.0), (0.1, 0.3)])
def test_the_closed_form_is_that_of_singular_values(stretch, shear):
    matrix = np.array([[1 + stretch, shear], [0.0, 1.0]])
    logs = np.sort(log_stretches(matrix[None])[0])
    expected = np.sort(np.log(np.linalg.svd(matrix, compute_uv=False)))
    np.testing.assert_allclose(logs, expected, atol=1e-12)
