import cv2
import numpy as np
import pytest
import torch

from kinema.errors import UserError
from kinema.motion import DIS, Farneback, optical_flow
from kinema.motion.flow import FLOW_METHODS, flow_method
from kinema.motion.raft import RAFT


def textured_pan(dx, dy, num_frames=3, size=(96, 128)):
    """A window sliding over a smooth random picture: contents move by (-dx, -dy) per frame."""
    h, w = size
    picture = np.random.default_rng(0).integers(0, 256, (h + 64, w + 64, 3)).astype(np.float32)
    picture = np.clip((cv2.GaussianBlur(picture, (0, 0), 2) - 128) * 4 + 128, 0, 255)
    starts = [(20 + dy * t, 20 + dx * t) for t in range(num_frames)]
    return np.stack([picture[y : y + h, x : x + w].astype(np.uint8) for y, x in starts])


@pytest.mark.parametrize("method", [DIS(), DIS(short_side=None), DIS(short_side=64), Farneback()])
def test_flow_of_a_pan_is_its_shift_both_ways(method):
    flow = optical_flow(textured_pan(2, -1), method)
    assert flow.forward.shape == flow.backward.shape == (2, 96, 128, 2)
    inner = np.s_[:, 16:-16, 16:-16]
    np.testing.assert_allclose(np.median(flow.forward[inner], (0, 1, 2)), [-2, 1], atol=0.15)
    np.testing.assert_allclose(np.median(flow.backward[inner], (0, 1, 2)), [2, -1], atol=0.15)


def test_working_size_does_not_change_the_unit():
    frames = textured_pan(4, 0)
    coarse, fine = (optical_flow(frames, DIS(short_side=s)).forward for s in (64, 192))
    np.testing.assert_allclose(np.median(coarse[..., 0]), np.median(fine[..., 0]), atol=0.2)


def test_a_frozen_clip_does_not_move():
    frames = np.repeat(textured_pan(0, 0, num_frames=1), 3, axis=0)
    assert np.abs(optical_flow(frames).forward).max() < 1e-3


def test_one_frame_has_no_pairs():
    flow = optical_flow(textured_pan(0, 0, num_frames=1))
    assert flow.forward.shape == (0, 96, 128, 2)


def test_every_name_gives_flow(tmp_path):
    torch.save(RAFT().state_dict(), tmp_path / "raft.pth")
    frames = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), dtype=np.uint8)
    for name in set(FLOW_METHODS) - {"raft"}:
        flow = flow_method(name)(*frames)
        assert (flow.shape, flow.dtype) == ((48, 64, 2), np.float32), name
    assert flow_method("raft", str(tmp_path / "raft.pth")).weights.endswith("raft.pth")


def test_mistakes_are_one_sentence(tmp_path):
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "other.pth")
    cases = {
        "did you mean 'raft'": ("rafd", None),
        "--flow-weights raft-things.pth": ("raft", None),
        "does not exist": ("raft", str(tmp_path / "none.pth")),
        "does not hold the weights of RAFT": ("raft", str(tmp_path / "other.pth")),
        "takes no weights": ("lk", "raft.pth"),
    }
    for sentence, (name, weights) in cases.items():
        with pytest.raises(UserError, match=sentence):
            flow_method(name, weights)
