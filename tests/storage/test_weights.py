import hashlib
import json
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from kinema.errors import UserError
from kinema.storage import weights as pretrained
from kinema.storage.weights import (
    PretrainedMixin,
    check_files,
    checksum,
    file_checksums,
    load_weights,
    read_weights,
    require_finite,
)


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


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net" / "part").mkdir(parents=True)
    (tmp_path / "net" / "a.txt").write_bytes(b"a")
    (tmp_path / "net" / "part" / "b.bin").write_bytes(bytes(range(256)))
    return tmp_path / "net"


def test_every_file_has_its_sha256(folder):
    assert file_checksums(folder) == {
        "a.txt": hashlib.sha256(b"a").hexdigest(),
        "part/b.bin": hashlib.sha256(bytes(range(256))).hexdigest(),
    }


def test_damage_is_named(folder):
    checksums = file_checksums(folder)
    check_files(folder, checksums, folder / "record.json")
    (folder / "part" / "b.bin").write_bytes(bytes(256))
    with pytest.raises(UserError, match=r"part/b\.bin is damaged.*record\.json"):
        check_files(folder, checksums, folder / "record.json")
    (folder / "part" / "b.bin").unlink()
    with pytest.raises(UserError, match=r"part/b\.bin is missing"):
        check_files(folder, checksums, folder / "record.json")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "part/../../secret"])
def test_a_record_asks_for_nothing_outside(folder, name):
    (folder.parent / "secret").write_bytes(b"s")
    with pytest.raises(UserError, match="outside its folder"):
        check_files(folder, {name: "0"}, folder / "record.json")


TYPES = [torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.bool, torch.uint8]


@pytest.mark.parametrize("dtype", TYPES)
def test_every_type_and_a_single_number_have_a_checksum(dtype):
    assert checksum(torch.ones(3, 2).to(dtype)) != checksum(torch.zeros(3, 2).to(dtype))
    assert checksum(torch.ones(()).to(dtype)) == checksum(torch.ones(1).to(dtype))


@given(st.integers(0, 8 * 24 - 1))
def test_any_flipped_bit_changes_it(bit):
    tensor = torch.arange(6.0).reshape(2, 3)
    flipped = tensor.clone()
    flipped.view(torch.uint8).view(-1)[bit // 8] ^= 1 << (bit % 8)
    assert checksum(flipped) != checksum(tensor)


def test_it_is_that_of_the_elements_in_order_wherever_they_lie():
    tensor = torch.arange(24.0).reshape(2, 3, 4)
    assert checksum(tensor.transpose(0, 2).contiguous().transpose(0, 2)) == checksum(tensor)


@dataclass
class LineConfig:
    size: int = 3


class Line(nn.Module, PretrainedMixin):
    config_class = LineConfig

    def __init__(self, config: LineConfig):
        super().__init__()
        self.config = config
        self.linear = nn.Linear(config.size, 1)


def test_a_network_comes_back_as_it_went(tmp_path, capsys):
    line = Line(LineConfig(size=5))
    line.save_pretrained(tmp_path)
    again = Line.from_pretrained(tmp_path)
    assert again.config == line.config
    assert torch.equal(again.linear.weight, line.linear.weight)
    assert capsys.readouterr().out == ""
    assert {file.name for file in tmp_path.iterdir()} == {
        "config.json", "model.safetensors", "README.md",
    }  # fmt: skip


def saved(tmp_path):
    Line(LineConfig()).save_pretrained(tmp_path)
    return tmp_path


def test_a_missing_file_is_named(tmp_path):
    (saved(tmp_path) / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"model\.safetensors is missing"):
        Line.from_pretrained(tmp_path)


def test_an_unknown_field_is_named_with_the_nearest(tmp_path):
    (saved(tmp_path) / "config.json").write_text(json.dumps({"sise": 3}))
    with pytest.raises(UserError, match="'sise'; did you mean 'size'"):
        Line.from_pretrained(tmp_path)


@dataclass
class PlaneConfig:
    width: int = 3
    height: int = 2


class Plane(nn.Module, PretrainedMixin):
    config_class = PlaneConfig

    def __init__(self, config: PlaneConfig):
        super().__init__()
        self.config = config


def test_a_folder_of_another_network_says_which(tmp_path):
    (saved(tmp_path) / "config.json").write_text(json.dumps({"width": 3, "height": 2}))
    with pytest.raises(UserError, match="unknown field 'width'; .* configuration of Plane"):
        Line.from_pretrained(tmp_path)


def test_broken_json_is_named(tmp_path):
    (saved(tmp_path) / "config.json").write_text("{")
    with pytest.raises(UserError, match="config.json is not JSON"):
        Line.from_pretrained(tmp_path)


@pytest.mark.parametrize("weights", [b"not weights", None])
def test_foreign_weights_are_refused(tmp_path, weights):
    folder = saved(tmp_path / "mine")
    if weights is None:
        Line(LineConfig(size=4)).save_pretrained(tmp_path / "other")
        weights = (tmp_path / "other" / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(UserError, match="does not hold the weights of a Line"):
        Line.from_pretrained(folder)


def test_a_failed_save_leaves_the_old_weights(tmp_path, monkeypatch):
    line = Line(LineConfig())
    line.save_pretrained(tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()

    def full_disk(self, folder):
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Line, "_save_pretrained", full_disk)
    with pytest.raises(UserError, match="the disk is full"):
        line.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert Line.from_pretrained(tmp_path).config == line.config


def test_a_card_of_the_user_stays(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    Line.from_pretrained(saved(tmp_path))
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_weights_of_a_training_that_diverged_are_refused_by_name(tmp_path, value):
    line = Line(LineConfig())
    line.linear.bias.data[0] = value
    line.save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"model\.safetensors.*'linear\.bias'.*NaN"):
        Line.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("3", "holds no fields"),
        ("[1]", "holds no fields"),
        ('{"size": "wide"}', "size takes a whole number, not wide"),
    ],
)
def test_a_configuration_that_makes_no_network_is_named(tmp_path, config, words):
    (saved(tmp_path) / "config.json").write_text(config)
    with pytest.raises(UserError, match=rf"config\.json.*{words}"):
        Line.from_pretrained(tmp_path)


@pytest.mark.parametrize("config", ['{"size": 999999999}', '{"size": 20000}'])
def test_a_network_larger_than_its_weights_is_never_made(tmp_path, monkeypatch, config):
    monkeypatch.setattr(Line, "__init__", lambda *_: pytest.fail("it was made"))
    folder = saved_bytes(tmp_path)
    (folder / "config.json").write_text(config)
    with pytest.raises(UserError, match="too much for weights of"):
        Line.from_pretrained(folder)


def saved_bytes(folder):
    """A folder of a network, written without making one."""
    save_file({"linear.weight": torch.zeros(1, 3)}, folder / "model.safetensors")
    return folder


def test_a_mistyped_folder_is_not_looked_for_on_the_hub(tmp_path):
    with pytest.raises(UserError, match="There is no folder .*nowhere"):
        Line.from_pretrained(tmp_path / "nowhere")


def test_a_repository_of_the_hub_is_checked_as_a_folder_is(tmp_path, monkeypatch):
    Line(LineConfig(size=5)).save_pretrained(tmp_path)
    asked = {}

    def download(name, allow_patterns, **options):
        asked.update(options, name=name)
        return str(tmp_path)

    monkeypatch.setattr(pretrained, "snapshot_download", download)
    assert Line.from_pretrained("me/line", revision="v1").config.size == 5
    assert asked == {"name": "me/line", "revision": "v1"}
    (tmp_path / "config.json").write_text('{"sise": 3}')
    with pytest.raises(UserError, match="did you mean 'size'"):
        Line.from_pretrained("me/line")
