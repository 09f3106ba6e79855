import numpy as np
import pytest
import torch

from kinema.errors import UserError
from kinema.metrics.features.lpips import LPIPS, alexnet, lpips, unit, vgg16

MAKERS = {"alex": alexnet, "vgg": vgg16}


def pictures(*shape, seed):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture(scope="module")
def files(tmp_path_factory, fill_weights):
    """Trunk and heads of both networks, in the layouts of torchvision and of the lpips package."""
    folder = tmp_path_factory.mktemp("weights")
    for name, make in MAKERS.items():
        trunk = make()
        named = torch.nn.ModuleDict({"features": trunk.layers})
        with torch.no_grad():
            tensors = fill_weights(named).state_dict()
        tensors["classifier.1.weight"] = torch.zeros(2, 2)
        torch.save(tensors, folder / f"{name}_trunk.pth")
        heads = {
            f"lin{depth}.model.1.weight": torch.linspace(0, depth + 1, width).view(1, width, 1, 1)
            for depth, width in enumerate(trunk.widths)
        }
        torch.save(heads, folder / f"{name}.pth")
    return folder


@pytest.fixture(scope="module")
def network(files):
    return LPIPS.from_files(files / "alex_trunk.pth", files / "alex.pth")


@pytest.mark.parametrize("name", ["alex", "vgg"])
def test_it_answers_what_the_lpips_package_answers(name, files, goldens):
    network = LPIPS.from_files(files / f"{name}_trunk.pth", files / f"{name}.pth")
    found = network(pictures(2, 3, 40, 48, seed=3), pictures(2, 3, 40, 48, seed=4))
    np.testing.assert_allclose(found, goldens["lpips"][name], rtol=1e-5)


def test_the_formula(network):
    x, y = pictures(1, 3, 32, 32, seed=0), pictures(1, 3, 32, 32, seed=1)
    expected = 0.0
    for head, one, other in zip(network.heads, network.look(x), network.look(y), strict=True):
        one, other = one / (one.norm(dim=1) + 1e-10), other / (other.norm(dim=1) + 1e-10)
        expected += (head[:, None, None] * (one - other)[0] ** 2).sum(0).mean().item()
    assert network(x, y).item() == pytest.approx(expected, rel=1e-5)


def test_equal_pictures_are_zero_and_frames_are_averaged(network):
    x, y = pictures(2, 3, 3, 32, 32, seed=0), pictures(2, 3, 3, 32, 32, seed=1)
    assert torch.equal(network(x, x), torch.zeros(2))
    frames = torch.stack([network(x[:, :, t], y[:, :, t]) for t in range(3)])
    assert torch.allclose(network(x, y), frames.mean(0), rtol=1e-5)


def test_it_can_be_descended(network):
    x = pictures(1, 3, 32, 32, seed=0).requires_grad_()
    network(x, pictures(1, 3, 32, 32, seed=1)).sum().backward()
    assert 0 < x.grad.abs().max() < float("inf")
    assert not any(parameter.requires_grad for parameter in network.parameters())
    dark = torch.zeros(1, 4, 2, 2, requires_grad=True)
    unit(dark).sum().backward()
    assert dark.grad.isfinite().all()


def test_clips_of_uint8(network):
    frames = np.random.default_rng(0).integers(0, 256, (3, 32, 40, 3), dtype=np.uint8)
    score = lpips(network, frames, 255 - frames)
    assert score.curve.shape == (3,)
    assert float(score) == pytest.approx(score.curve.mean())
    assert float(lpips(network, frames, frames)) == 0


def test_mistakes_are_one_sentence(network, files, tmp_path):
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "other.pth")
    pairs = {
        "neither torchvision's": (tmp_path / "other.pth", files / "alex.pth"),
        "LPIPS heads of this trunk": (files / "alex_trunk.pth", files / "vgg.pth"),
        "does not exist": (files / "alex_trunk.pth", files / "none.pth"),
    }
    for sentence, (trunk, heads) in pairs.items():
        with pytest.raises(UserError, match=sentence):
            LPIPS.from_files(trunk, heads)
    with pytest.raises(UserError, match="one shape"):
        network(torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 33))
    with pytest.raises(UserError, match="at least 31"):
        network(torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16))
    with pytest.raises(UserError, match="one shape"):
        lpips(network, np.zeros((1, 32, 32, 3), np.uint8), np.zeros((2, 32, 32, 3), np.uint8))
