import cv2
import numpy as np
import pytest

from kinema.motion.patches import MOST, STEP, follow_patches


@pytest.fixture
def picture():
    """Random blobs, (96, 128) float32."""
    noise = np.random.default_rng(0).standard_normal((96, 128)).astype(np.float32)
    blobs = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return 128 + 40 * blobs / blobs.std()


def mapped(picture, matrix, shift, num_frames=8):
    """Frames that reach `matrix` and `shift` about the center in equal steps, and their flow."""
    h, w = picture.shape
    middle = np.array([w / 2, h / 2])
    y, x = np.mgrid[:h, :w]
    places = np.stack([x, y], axis=-1) - middle
    poses = []
    for part in np.linspace(0, 1, num_frames):
        poses.append((np.eye(2) + part * (matrix - np.eye(2)), part * np.asarray(shift)))
    frames, flows = [], []
    for pose, offset in poses:
        source = (places - offset) @ np.linalg.inv(pose).T + middle
        frames.append(cv2.remap(picture, source.astype(np.float32), None, cv2.INTER_CUBIC,
                                borderMode=cv2.BORDER_REFLECT))  # fmt: skip
    for (here, at), (there, to) in zip(poses[:-1], poses[1:], strict=True):
        step = (places - at) @ np.linalg.inv(here).T @ there.T + to - places
        flows.append(step.astype(np.float32))
    return np.stack(frames), np.stack(flows)


@pytest.mark.parametrize(
    "matrix",
    [
        np.eye(2),
        np.array([[1.15, 0.0], [0.0, 0.9]]),
        np.array([[1.0, 0.2], [0.0, 1.0]]),
        np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]]),
    ],
    ids=["shift", "stretch", "shear", "turn"],
)
def test_patches_find_the_map_that_moved_them(picture, matrix):
    tracks = follow_patches(*mapped(picture, matrix, (6.0, -4.0)))
    maps = tracks.left(-1)
    assert len(maps) > 20
    np.testing.assert_allclose(np.median(maps, axis=0), matrix, atol=0.02)
    assert np.quantile(np.abs(maps - matrix), 0.9) < 0.05


def test_a_wrong_flow_is_put_right(picture):
    frames, flow = mapped(picture, np.eye(2), (7.0, 0.0))
    tracks = follow_patches(frames, flow + np.float32([0.8, -0.6]))
    maps = tracks.left(-1)
    assert len(maps) > 20
    np.testing.assert_allclose(np.median(maps, axis=0), np.eye(2), atol=0.02)


def test_exposure_does_not_matter(picture):
    frames, flow = mapped(picture, np.eye(2), (7.0, 0.0))
    gains = np.linspace(1.0, 0.5, len(frames), dtype=np.float32)[:, None, None]
    tracks, dim = (follow_patches(f, flow) for f in (frames, frames * gains))
    both = tracks.visible[-1] & dim.visible[-1]
    assert both.mean() > 0.7
    np.testing.assert_allclose(dim.maps[-1][both], tracks.maps[-1][both], atol=0.01)


def test_what_something_else_covers_is_lost(picture):
    frames, flow = mapped(picture, np.eye(2), (0.0, 0.0))
    frames[4:, :, :64] = np.roll(picture, 37, axis=0)[:, :64]
    visible = follow_patches(frames, flow).visible
    assert visible[3].all()
    assert 0.3 < visible[4].mean() < 0.7
    assert not (visible[1:] & ~visible[:-1]).any()


def test_flat_pictures_have_no_patches_and_neither_has_a_straight_edge():
    flat = np.full((3, 64, 64), 90, np.float32)
    edge = flat.copy()
    edge[:, :, 32:] = 200
    for frames in (flat, edge):
        tracks = follow_patches(frames, np.zeros((2, 64, 64, 2), np.float32))
        assert tracks.maps.shape == (3, 0, 2, 2)


def test_pictures_smaller_than_a_patch_have_none():
    frames = np.random.default_rng(0).uniform(0, 255, (2, 10, 12)).astype(np.float32)
    assert follow_patches(frames, np.zeros((1, 10, 12, 2), np.float32)).visible.shape == (2, 0)


def test_there_are_never_too_many():
    noise = np.random.default_rng(0).standard_normal((32 * STEP, 32 * STEP)).astype(np.float32)
    frames = 128 + 300 * cv2.GaussianBlur(noise, (0, 0), 2.0)[None]
    tracks = follow_patches(frames, np.zeros((0, *frames.shape[1:], 2), np.float32))
    assert tracks.visible.shape == (1, MOST)
