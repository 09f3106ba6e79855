import json
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from kinema.errors import UserError
from kinema.storage import pretrained
from kinema.storage.pretrained import PretrainedMixin


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
