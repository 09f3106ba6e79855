import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kinema.errors import UserError
from kinema.metrics.features.i3d import I3D, Unit, crop, i3d_features, same_pad, squash


def pictures(*shape, seed):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


class Detector(nn.Module):
    """StyleGAN-V's TorchScript: the same tensors under other names, and a program of its own."""

    def __init__(self, network):
        super().__init__()
        units = [part for part in network.modules() if isinstance(part, Unit)]
        units = [units[-1], *units[:-1]]  # ports differ in what they declare first
        pairs = [(unit.conv3d, unit.bn) if unit.bn else (unit.conv3d,) for unit in units]
        self.parts = nn.ModuleList(nn.Sequential(*pair) for pair in pairs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("the program was run")


def test_it_answers_what_the_pytorch_port_answers(fill_weights, goldens, tmp_path):
    with torch.no_grad():
        torch.save(fill_weights(I3D()).state_dict(), tmp_path / "rgb_imagenet.pt")
        features = i3d_features(tmp_path / "rgb_imagenet.pt")
        logits = features(pictures(1, 3, 10, 224, 224, seed=2))
    golden, flat = goldens["i3d"], logits.double().flatten()
    assert logits.shape == (1, 400)
    assert flat.std().item() == pytest.approx(golden["std"], rel=1e-4)
    np.testing.assert_allclose(flat[:: len(flat) // 8][:8], golden["values"], rtol=1e-3, atol=1e-3)


def test_the_tensors_of_a_torchscript_detector_are_taken(fill_weights, tmp_path):
    network = fill_weights(I3D())
    network.set_eps(1e-5)
    torch.jit.script(Detector(network)).save(str(tmp_path / "i3d_torchscript.pt"))
    clip = pictures(1, 3, 10, 30, 40, seed=0)
    with torch.no_grad():
        found = i3d_features(tmp_path / "i3d_torchscript.pt", "crop")(clip)
        assert torch.equal(found, network(crop(clip)))
        network.set_eps(1e-3)
        assert not torch.equal(found, network(crop(clip)))


def test_mistakes_are_one_sentence(tmp_path):
    torch.jit.script(nn.Linear(1, 1)).save(str(tmp_path / "other.pt"))
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "foreign.pt")
    with pytest.raises(UserError, match="other.pt does not hold the weights of I3D"):
        i3d_features(tmp_path / "other.pt")
    with pytest.raises(UserError, match="weights of I3D"):
        i3d_features(tmp_path / "foreign.pt")
    with pytest.raises(UserError, match="does not exist"):
        i3d_features(tmp_path / "none.pt")
    with pytest.raises(UserError, match="did you mean 'crop'"):
        i3d_features(tmp_path / "foreign.pt", "crops")


def test_resizing_as_published():
    clip = pictures(1, 3, 2, 20, 40, seed=0)
    assert squash(clip, 16).shape == crop(clip, 16).shape == (1, 3, 2, 16, 16)
    frame = F.interpolate(clip[:, :, 1], (16, 16), mode="bilinear", align_corners=False)
    assert torch.equal(squash(clip, 16)[:, :, 1], frame)
    frame = F.interpolate(clip[:, :, 1], (16, 32), mode="bilinear", align_corners=False)
    assert torch.equal(crop(clip, 16)[:, :, 1], frame[..., 8:24])
    square = pictures(1, 3, 2, 30, 30, seed=1)
    assert torch.equal(squash(square, 16), crop(square, 16))


@pytest.mark.parametrize("n, k, s", [(7, 3, 2), (8, 3, 2), (5, 7, 2), (6, 1, 1), (9, 2, 2)])
def test_padding_makes_the_output_that_of_tensorflow(n, k, s):
    wide = same_pad(torch.ones(1, 1, n, n, n), (k, k, k), (s, s, s))
    assert {(size - k) // s + 1 for size in wide.shape[2:]} == {-(-n // s)}
    total, line = wide.shape[2] - n, wide[0, 0, wide.shape[2] // 2, wide.shape[2] // 2]
    ones = torch.nonzero(line).flatten().tolist()
    assert (ones[0], ones[-1]) == (total // 2, total // 2 + n - 1)
