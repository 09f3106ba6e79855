import numpy as np
import torch

from kinema.motion.frames import on_frames, picture


def test_flow_is_in_the_pixels_of_the_frames():
    frame = np.zeros((20, 40, 3), np.uint8)
    seen = []

    def estimate(a, b):
        seen.append(a.shape)
        return torch.ones(1, 2, *a.shape[-2:])

    flow = on_frames(estimate, frame, frame, short_side=10)
    assert seen == [(1, 3, 10, 20)]
    assert flow.shape == (20, 40, 2)
    np.testing.assert_allclose(flow, 2)
    np.testing.assert_allclose(on_frames(estimate, frame, frame), 1)


def test_a_picture_keeps_its_values():
    frame = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    back = (picture(frame, (8, 6))[0].permute(1, 2, 0) + 1) * 127.5
    np.testing.assert_allclose(back, frame, atol=1e-4)
