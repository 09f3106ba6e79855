import pytest
import torch
from torch import nn

from kinema.errors import UserError
from kinema.training import checkpoint
from kinema.training.checkpoint import Position, State
from kinema.training.ema import WeightAverages
from kinema.training.optimizer import make_optimizers


def make_state(width: int = 64, optimizer: str = "muon", average: float = 0.1) -> State:
    network = nn.ModuleDict({"blocks": nn.ModuleList([nn.Linear(width, width)])})
    optimizers = make_optimizers(network, optimizer, 1e-3, 0.01, 0.3)
    for _ in range(3):
        network["blocks"][0](torch.randn(2, width)).square().sum().backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    return State(network, WeightAverages(network, (average,)), optimizers, Position(3, 96, 1))


def test_everything_comes_back(tmp_path):
    state, other = make_state(), make_state()
    checkpoint.save(state, tmp_path / "c.safetensors")
    checkpoint.load(other, tmp_path / "c.safetensors")
    a, b = state.tensors(), other.tensors()
    assert a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)
    assert any(n.startswith("optimizer.1") for n in a)
    assert other.position == Position(3, 96, 1)


def test_moments_come_back_in_the_memory_layout_of_their_weights(tmp_path):
    """Convolutions lie channels-last, and a fused step walks weights and moments side by side."""

    def conv_state() -> State:
        torch.manual_seed(0)
        network = nn.Conv3d(4, 6, 3).to(memory_format=torch.channels_last_3d)
        optimizers = make_optimizers(network, "adamw", 1e-2, 0.0, 1.0)
        return State(network, WeightAverages(network, ()), optimizers, Position())

    def step(state: State, seed: int) -> None:
        torch.manual_seed(seed)
        state.network(torch.randn(1, 4, 5, 5, 5)).square().sum().backward()
        state.optimizers[0].step()
        state.optimizers[0].zero_grad()

    whole, resumed = conv_state(), conv_state()
    step(whole, 1)
    checkpoint.save(whole, tmp_path / "c.safetensors")
    checkpoint.load(resumed, tmp_path / "c.safetensors")
    step(whole, 2)
    step(resumed, 2)
    assert torch.equal(whole.network.weight, resumed.network.weight)


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "c.safetensors"
    checkpoint.save(make_state(), path)
    before = path.read_bytes()

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full_disk)
    with pytest.raises(UserError, match="the disk is full"):
        checkpoint.save(make_state(), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_weights_that_are_not_finite_are_refused_by_name(tmp_path):
    state = make_state()
    next(state.network.parameters()).data.view(-1)[3] = float("nan")
    checkpoint.save(state, tmp_path / "c.safetensors")
    with pytest.raises(UserError, match="holds no usable weights"):
        checkpoint.load(make_state(), tmp_path / "c.safetensors")


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"x" * 99])
def test_a_damaged_file_is_one_sentence(tmp_path, damage):
    path = tmp_path / "c.safetensors"
    checkpoint.save(make_state(), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match="not a readable checkpoint"):
        checkpoint.load(make_state(), path)


def test_another_network_is_refused_and_the_difference_named(tmp_path):
    path = tmp_path / "c.safetensors"
    checkpoint.save(make_state(64), path)
    with pytest.raises(UserError, match=r"blocks.0.bias is \(64,\) there and \(80,\) here"):
        checkpoint.load(make_state(80), path)


@pytest.mark.parametrize(
    "other, told",
    [
        (
            {"optimizer": "adamw"},
            "loop.optimizer is AdamW of 1 tensors and Muon of 1 tensors there",
        ),
        ({"average": 0.2}, "loop.averages is 0.1 there and 0.2 here"),
    ],
)
def test_another_optimizer_or_average_is_refused_and_named(tmp_path, other, told):
    path = tmp_path / "c.safetensors"
    checkpoint.save(make_state(), path)
    with pytest.raises(UserError, match=told):
        checkpoint.load(make_state(**other), path)


def test_another_architecture_is_refused_and_named(tmp_path):
    def state(part: nn.Module) -> State:
        network = nn.ModuleDict({"denoiser": part})
        return State(network, WeightAverages(network, ()), [], Position())

    path = tmp_path / "c.safetensors"
    checkpoint.save(state(nn.Linear(2, 2)), path)
    with pytest.raises(UserError, match="its denoiser is Linear there and Bilinear here"):
        checkpoint.load(state(nn.Bilinear(2, 2, 2)), path)
    checkpoint.load(state(nn.Linear(2, 2)), path)
