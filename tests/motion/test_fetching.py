import numpy as np
import torch

from kinema.motion import fetch, warp


def test_it_reads_what_the_warp_of_arrays_reads():
    rng = np.random.default_rng(0)
    image = rng.uniform(size=(12, 17, 3)).astype(np.float32)
    flow = rng.integers(-96, 96, size=(12, 17, 2)).astype(np.float32) / 32  # OpenCV's own steps
    expected, inside = warp(image, flow)
    fetched, valid = fetch(torch.from_numpy(image).permute(2, 0, 1)[None],
                           torch.from_numpy(flow)[None])  # fmt: skip
    np.testing.assert_allclose(fetched[0].permute(1, 2, 0), expected, atol=1e-4)
    np.testing.assert_array_equal(valid[0], inside)


def test_a_still_flow_changes_nothing_and_gradients_come_through():
    image = torch.rand(2, 1, 5, 4, requires_grad=True)
    fetched, valid = fetch(image, torch.zeros(2, 5, 4, 2))
    torch.testing.assert_close(fetched, image)
    fetched.sum().backward()
    assert valid.all() and torch.allclose(image.grad, torch.ones_like(image), atol=1e-5)


def test_a_picture_of_one_pixel():
    fetched, valid = fetch(torch.ones(1, 2, 1, 1), torch.zeros(1, 1, 1, 2))
    assert fetched.flatten().tolist() == [1, 1] and valid.all()
