import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from kinema.codecs.perceptual import laplacian_distance


def noise(num_frames: int = 2, size: int = 32) -> torch.Tensor:
    return (
        torch.rand(2, 3, num_frames, size, size, generator=torch.Generator().manual_seed(0)) - 0.5
    )


def blurred(clip: torch.Tensor, width: int) -> torch.Tensor:
    window, padding = (1, width, width), (0, width // 2, width // 2)
    return F.avg_pool3d(clip, window, stride=1, padding=padding, count_include_pad=False)


def test_equal_clips_are_at_no_distance_and_their_gradient_is_finite():
    clip = noise().requires_grad_()
    distance = laplacian_distance(clip, clip.detach())
    assert distance.tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    distance.sum().backward()
    assert torch.isfinite(clip.grad).all()


def test_the_more_blurred_the_farther():
    clip = noise()
    near, far = (laplacian_distance(blurred(clip, width), clip) for width in (3, 7))
    assert near.shape == (2,) and (near > 0.05).all() and (near < far).all()


def test_an_error_counts_more_where_the_picture_is_calm():
    """The same faint noise, once on a flat ground and once on a strong texture."""
    faint = 0.1 * noise()
    calm, busy = torch.zeros_like(faint), torch.sign(noise(size=32).flip(3))
    on_calm, on_busy = (laplacian_distance(ground + faint, ground) for ground in (calm, busy))
    assert (on_calm > 2 * on_busy).all()


def test_rows_do_not_meet():
    a, b = noise(), blurred(noise(), 3)
    together = laplacian_distance(b, a)
    alone = torch.cat([laplacian_distance(b[i : i + 1], a[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(together, alone)


def test_mixed_precision_changes_nothing():
    a, b = noise(), blurred(noise(), 3)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = laplacian_distance(b, a)
    assert torch.equal(mixed, laplacian_distance(b, a))


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (5, 4)])
def test_small_pictures_have_fewer_bands(size):
    a = torch.zeros(1, 3, 1, *size)
    assert laplacian_distance(a + 0.5, a).item() > 0


def opencv_distance(a, b):
    """The same pyramid by OpenCV, for one frame (h w 3)."""
    errors = []
    for level in range(5):
        blurs = [cv2.sepFilter2D(x, -1, TAPS, TAPS, None, (-1, -1), 0, REPEAT) for x in (a, b)]
        smalls = [blur[::2, ::2] for blur in blurs]
        size = a.shape[1::-1]
        pairs = zip((a, b), smalls, strict=True)
        bands = (a, b) if level == 4 else [x - cv2.resize(small, size) for x, small in pairs]
        x, y = (band / (0.05 + mean_near(np.abs(band))) for band in bands)
        errors.append(np.sqrt(np.square(x - y).mean()))
        a, b = smalls
    return np.mean(errors)


TAPS, REPEAT = np.array([1, 4, 6, 4, 1]) / 16, cv2.BORDER_REPLICATE


def mean_near(band):
    total, count = (
        cv2.boxFilter(x, -1, (5, 5), None, (-1, -1), False, cv2.BORDER_CONSTANT)
        for x in (band, np.ones_like(band))
    )
    return total / count


def test_the_distance_is_that_of_opencvs_pyramid():
    a, b = (np.random.default_rng(seed).uniform(-1, 1, (64, 96, 3)) for seed in (0, 1))
    b = 0.7 * a + 0.3 * b
    clips = (torch.from_numpy(x).permute(2, 0, 1)[None, :, None] for x in (a, b))
    assert laplacian_distance(*clips).item() == pytest.approx(opencv_distance(a, b), rel=1e-3)
