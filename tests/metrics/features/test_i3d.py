import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kinema.errors import UserError
from kinema.metrics.features.i3d import I3D, crop, i3d_features, same_pad, squash


def pictures(*shape, seed):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


class Detector(nn.Module):
    """What StyleGAN-V's TorchScript looks like from outside."""

    def forward(
        self, x: torch.Tensor, rescale: bool, resize: bool, return_features: bool
    ) -> torch.Tensor:
        assert return_features and not rescale and not resize
        return x.mean(dim=[3, 4]).flatten(1)


def test_it_answers_what_the_pytorch_port_answers(fill_weights, goldens, tmp_path):
    with torch.no_grad():
        torch.save(fill_weights(I3D()).state_dict(), tmp_path / "rgb_imagenet.pt")
        features = i3d_features(tmp_path / "rgb_imagenet.pt")
        logits = features(pictures(1, 3, 10, 224, 224, seed=2))
    golden, flat = goldens["i3d"], logits.double().flatten()
    assert logits.shape == (1, 400)
    assert flat.std().item() == pytest.approx(golden["std"], rel=1e-4)
    np.testing.assert_allclose(flat[:: len(flat) // 8][:8], golden["values"], rtol=1e-3, atol=1e-3)


def test_a_torchscript_detector_is_called_as_its_users_do(tmp_path):
    torch.jit.script(Detector()).save(str(tmp_path / "i3d_torchscript.pt"))
    features = i3d_features(tmp_path / "i3d_torchscript.pt", "crop")
    clip = pictures(2, 3, 10, 30, 40, seed=0)
    assert torch.allclose(features(clip), crop(clip).mean((3, 4)).flatten(1))


def test_mistakes_are_one_sentence(tmp_path):
    torch.jit.script(nn.Linear(1, 1)).save(str(tmp_path / "other.pt"))
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "foreign.pt")
    with pytest.raises(UserError, match="not StyleGAN-V's I3D"):
        i3d_features(tmp_path / "other.pt")(torch.zeros(1, 3, 10, 8, 8))
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
