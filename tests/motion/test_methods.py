import numpy as np
import pytest
import torch

from kinema.errors import UserError
from kinema.motion.methods import FLOW_METHODS, flow_method
from kinema.motion.raft import RAFT


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
