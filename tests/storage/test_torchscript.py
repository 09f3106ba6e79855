import io
import pickle
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from kinema.errors import UserError
from kinema.storage.torchscript import batch_norm_eps, is_torchscript, read_torchscript


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(()))
        self.register_buffer("steps", torch.arange(12).view(3, 4).T[1:])
        self.layers = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, eps=0.25)).half()
        self.sizes = [1, 2, 3]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("the program was run")


@pytest.fixture
def network():
    return Shared()


@pytest.fixture
def path(network, tmp_path):
    torch.jit.script(network).save(str(tmp_path / "x.pt"))
    return tmp_path / "x.pt"


def test_all_tensors_come_back(network, path):
    found, expected = read_torchscript(path), network.state_dict()
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_it_is_told_from_other_files(path, tmp_path):
    assert is_torchscript(path)
    torch.save({"a": torch.zeros(1)}, tmp_path / "state.pt")
    (tmp_path / "text.pt").write_text("PK no zip")
    assert not is_torchscript(tmp_path / "state.pt")
    assert not is_torchscript(tmp_path / "text.pt")


def test_the_eps_of_batch_norms_is_read_from_the_text(path, tmp_path):
    assert batch_norm_eps(path) == 0.25
    torch.jit.script(nn.Linear(1, 1)).save(str(tmp_path / "none.pt"))
    assert batch_norm_eps(tmp_path / "none.pt") is None


class Runs:
    def __reduce__(self):
        return print, ("it ran",)


class Opens:
    def __reduce__(self):
        return open, ("ran", "w")


def archive(path, data, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("x/data.pkl", data)
        file.writestr("x/code/x.py", "")
    return path


@pytest.mark.parametrize("value", [Runs(), Opens(), {"a": Runs()}, 3, ["a"], torch.float32])
def test_a_pickle_that_asks_for_anything_else_is_refused(tmp_path, monkeypatch, capsys, value):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="of which the tensors cannot be read"):
        read_torchscript(archive(tmp_path / "x.pt", pickle.dumps(value)))
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "ran").exists()


def test_a_compressed_archive_is_refused(tmp_path):
    path = archive(tmp_path / "x.pt", bytes(10**7), zipfile.ZIP_DEFLATED)
    with pytest.raises(UserError, match="compressed"):
        read_torchscript(path)


def test_a_tensor_that_reaches_beyond_its_values_is_refused(path, tmp_path):
    """The same archive, with fewer values than its tensors say they have."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data[:2] if "/data/" in name else data)
    (tmp_path / "short.pt").write_bytes(buffer.getvalue())
    with pytest.raises(UserError, match="cannot be read"):
        read_torchscript(tmp_path / "short.pt")


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_archive_is_read_or_refused(path, seed):
    rng = np.random.default_rng(seed)
    data = bytearray(path.read_bytes())
    for _ in range(rng.integers(1, 30)):
        data[rng.integers(len(data))] = rng.integers(256)
    path.write_bytes(data)
    try:
        assert all(isinstance(x, torch.Tensor) for x in read_torchscript(path).values())
    except UserError as error:
        assert str(path) in str(error)
