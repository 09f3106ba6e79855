import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from kinema.errors import UserError
from kinema.storage.weights import load_weights, read_weights, require_finite


@pytest.fixture
def network():
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


@pytest.mark.parametrize("wrap", [lambda t: t, lambda t: {"state_dict": t, "epoch": 3}])
def test_pickled_tensors_come_back_without_their_prefix(network, tmp_path, wrap):
    tensors = network.state_dict()
    torch.save(wrap({f"module.{name}": t for name, t in tensors.items()}), tmp_path / "a.pth")
    read = read_weights(tmp_path / "a.pth")
    assert read.keys() == tensors.keys()
    assert torch.equal(read["0.weight"], tensors["0.weight"])


def test_safetensors_come_back(network, tmp_path):
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    fresh = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    load_weights(fresh, read_weights(tmp_path / "a.safetensors"), "a")
    assert torch.equal(fresh[0].weight, network[0].weight)


def test_a_network_takes_all_tensors_and_no_others(network):
    whole = network.state_dict()
    cases = {
        "'0.weight' is missing": {n: t for n, t in whole.items() if n != "0.weight"},
        "'more' has no place": {**whole, "more": torch.zeros(1)},
        r"'0.bias' is \(4,\), not \(3,\)": {**whole, "0.bias": torch.zeros(4)},
    }
    for sentence, tensors in cases.items():
        with pytest.raises(UserError, match=sentence):
            load_weights(network, tensors, "file.pth")


def test_old_files_do_not_count_batches(network):
    old = {n: t for n, t in network.state_dict().items() if "num_batches" not in n}
    load_weights(network, old, "file.pth")


class Runs:
    """A pickle that would run code."""

    def __reduce__(self):
        return print, ("it ran",)


def test_what_holds_no_tensors_is_refused(tmp_path, capsys):
    texts = {
        "text.pth": "not weights",
        "hello.pth": "hello world",
        "page.pt": "Repository not found",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "text.safetensors").write_text("not weights")
    torch.save({"a": Runs()}, tmp_path / "code.pth")
    torch.save({"a": 1}, tmp_path / "number.pth")
    torch.jit.script(nn.Linear(1, 1)).save(str(tmp_path / "script.pt"))
    files = (*texts, "text.safetensors", "code.pth", "number.pth", "script.pt", "none.pth", ".")
    for name in files:
        with pytest.raises(UserError, match=str(tmp_path)):
            read_weights(tmp_path / name)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_weights_that_are_not_finite_are_named(value, dtype):
    tensors = {
        "a": torch.ones(3, dtype=dtype),
        "n": torch.tensor(3),
        "b": torch.ones(2, dtype=dtype),
    }
    require_finite(tensors, "x")
    tensors["b"][1] = value
    with pytest.raises(UserError, match="x holds no usable weights: 'b'"):
        require_finite(tensors, "x")
