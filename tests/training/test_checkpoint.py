import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
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


def test_a_checkpoint_is_the_same_after_a_resume(tmp_path):
    """Optimizers hand out their moments in another order once they were loaded."""
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    state, other = make_state(optimizer="adamw"), make_state(optimizer="adamw")
    checkpoint.save(state, first)
    checkpoint.load(other, first)
    checkpoint.save(other, second)
    with safe_open(first, "pt") as a, safe_open(second, "pt") as b:
        assert a.metadata() == b.metadata()


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


def rewritten(path: Path, **changes) -> None:
    """Change what a checkpoint says of itself."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = dict(file.metadata())
    metadata |= {name: json.dumps(value) for name, value in changes.items()}
    save_file(tensors, path, {n: v for n, v in metadata.items() if changes.get(n, 0) is not None})


@pytest.mark.parametrize("name", ["seed", "batch_size", "precision"])
def test_another_seed_or_batch_size_is_refused_and_named(tmp_path, name):
    path, state = tmp_path / "c.safetensors", make_state()
    state.run_settings = {"loop.seed": "0", "loop.batch_size": "8", "loop.precision": "fp32"}
    checkpoint.save(state, path)
    checkpoint.load(state, path)
    there = state.run_settings[f"loop.{name}"]
    state.run_settings |= {f"loop.{name}": "16"}
    with pytest.raises(UserError, match=f"its loop.{name} is {there} there and 16 here"):
        checkpoint.load(state, path)


def test_a_checkpoint_that_does_not_say_its_seed_is_refused(tmp_path):
    path, state = tmp_path / "c.safetensors", make_state()
    checkpoint.save(state, path)
    state.run_settings = {"loop.seed": "0"}
    with pytest.raises(UserError, match="its loop.seed is nothing there and 0 here"):
        checkpoint.load(state, path)


@pytest.mark.parametrize(
    "position",
    [{}, {"step": 3}, {"step": -1, "samples": 0, "rollbacks": 0}, [], 7,
     {"step": "3", "samples": 0, "rollbacks": 0},
     {"step": 3, "samples": 0, "rollbacks": 0, "x": 1}],
)  # fmt: skip
def test_a_checkpoint_without_a_whole_position_is_refused(tmp_path, position):
    path = tmp_path / "c.safetensors"
    checkpoint.save(make_state(), path)
    rewritten(path, position=position)
    with pytest.raises(UserError, match="does not say where its run stands"):
        checkpoint.load(make_state(), path)


def test_a_checkpoint_of_an_earlier_version_is_refused(tmp_path):
    path = tmp_path / "c.safetensors"
    checkpoint.save(make_state(), path)
    rewritten(path, format=None, checksums=None)
    with pytest.raises(UserError, match="another version of kinema, whose steps draw other clips"):
        checkpoint.load(make_state(), path)


def test_every_flipped_bit_is_found(tmp_path):
    path = tmp_path / "c.safetensors"
    checkpoint.save(make_state(), path)
    whole = path.read_bytes()
    tensors = int.from_bytes(whole[:8], "little") + 8  # where the header ends
    for place in range(tensors, len(whole), 997):
        data = bytearray(whole)
        data[place] ^= 1
        path.write_bytes(data)
        with pytest.raises(UserError, match="differs from its checksum"):
            checkpoint.load(make_state(), path)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("where", ["network", "average"])
def test_weights_that_are_not_finite_are_refused_and_named(tmp_path, number, where):
    path, state = tmp_path / "c.safetensors", make_state()
    chosen = state.network if where == "network" else state.averages.tracks[0.1]
    tensor = chosen["blocks.0.bias"] if where == "average" else chosen["blocks"][0].bias
    with torch.no_grad():
        tensor[3] = number
    checkpoint.save(state, path)
    fresh = make_state()
    before = {n: t.clone() for n, t in fresh.tensors().items()}
    with pytest.raises(UserError, match=rf"no usable weights: .{where}.*blocks.0.bias"):
        checkpoint.load(fresh, path)
    assert all(torch.equal(before[n], t) for n, t in fresh.tensors().items())


def test_frozen_weights_are_neither_written_nor_missed(tmp_path):
    path, state = tmp_path / "c.safetensors", make_state()
    frozen = nn.Linear(5, 5).requires_grad_(False)
    state.network["text"] = frozen
    assert not any("text" in name for name in state.tensors())
    checkpoint.save(state, path)
    before = frozen.weight.clone()
    checkpoint.load(state, path)
    assert torch.equal(frozen.weight, before)
