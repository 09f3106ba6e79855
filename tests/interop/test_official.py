"""Pipelines saved and loaded through the real path, whole and damaged."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from kinema.errors import UserError
from kinema.interop.official import experts_of, is_official, load_official
from tests.interop import tiny

NAMES = ["wan_two_experts", "ltx", "svd", "animatediff", "hunyuan"]
NETWORK = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("pipelines")
    for name in NAMES:
        tiny.built(name).save_pretrained(root / name)
    return root


@pytest.fixture
def wan(folders, tmp_path):
    """A copy that a test may damage."""
    return Path(shutil.copytree(folders / "wan_two_experts", tmp_path / "wan"))


def changed(file, change):
    """Rewrite a file of tensors."""
    tensors = change(load_file(file))
    save_file(tensors, file, {"format": "pt"})


def change_json(file, **values):
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def public(config):
    return {name: value for name, value in config.items() if not name.startswith("_")}


@pytest.mark.parametrize("name", NAMES)
def test_what_was_saved_is_what_is_loaded(folders, name):
    assert is_official(folders / name)
    system, saved = load_official(folders / name), tiny.built(name)
    assert type(system.pipe) is type(saved)
    ours, theirs = (public(pipe.scheduler.config) for pipe in (system.pipe, saved))
    assert ours == theirs
    for network, before in zip(system.experts.networks, experts_of(saved).networks, strict=True):
        for key, tensor in before.state_dict().items():
            assert torch.equal(network.state_dict()[key], tensor)
    assert system.experts.boundary == (875 if name == "wan_two_experts" else -1000)


def test_defaults_are_those_of_the_pipeline(folders):
    wan, video = load_official(folders / "wan_two_experts"), load_official(folders / "svd")
    asked = ("num_frames", "num_steps", "guidance_scale", "fps")
    assert [wan.default(name) for name in asked] == [81, 50, 5.0, None]
    assert [video.default(name) for name in asked] == [None, 25, 3.0, 7]
    assert video.needs_picture and not wan.needs_picture


DAMAGES = {
    "a tensor is missing": lambda tensors: dict(list(tensors.items())[1:]),
    "a tensor is renamed": lambda t: {k.replace("proj_out", "out"): v for k, v in t.items()},
    "a tensor is too many": lambda tensors: tensors | {"blocks.7.weight": torch.zeros(2)},
    "a tensor has another shape": lambda tensors: tensors | {"proj_out.bias": torch.zeros(3)},
    "a tensor is not finite": lambda t: t | {"proj_out.bias": torch.full((16,), torch.nan)},
}  # fmt: skip


@pytest.mark.parametrize("part", ["transformer", "transformer_2"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_network_is_refused(wan, part, damage):
    changed(wan / part / NETWORK, DAMAGES[damage])
    with pytest.raises(UserError, match=f"{part} (does not hold|holds no usable)"):
        load_official(wan)


@pytest.mark.parametrize("name, part, tensor", [
    ("ltx", "transformer", "proj_out"), ("animatediff", "unet", "conv_out"),
    ("hunyuan", "transformer", "proj_out"),
])  # fmt: skip
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_network_of_another_family_is_refused(
    folders, tmp_path, name, part, tensor, damage
):
    folder = Path(shutil.copytree(folders / name, tmp_path / name))

    def change(tensors):
        named = {k.replace(tensor, "proj_out"): t for k, t in tensors.items()}
        return {k.replace("proj_out", tensor): t for k, t in DAMAGES[damage](named).items()}

    changed(folder / part / NETWORK, change)
    with pytest.raises(UserError, match=f"{part} (does not hold|holds no usable)"):
        load_official(folder)


@pytest.mark.parametrize("part", ["text_encoder", "vae"])
def test_a_damaged_part_is_refused(wan, part):
    file = next((wan / part).glob("*.safetensors"))
    changed(file, lambda tensors: dict(list(tensors.items())[1:]))
    with pytest.raises(UserError, match=f"{part} does not hold .*missing"):
        load_official(wan)


def test_a_truncated_file_is_refused(wan):
    file = wan / "transformer" / NETWORK
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UserError, match="transformer does not hold a WanTransformer3DModel"):
        load_official(wan)


def test_a_pickle_is_not_read(wan):
    file = wan / "transformer" / NETWORK
    torch.save(load_file(file), file.with_suffix(".bin"))
    file.unlink()
    with pytest.raises(UserError, match="transformer does not hold"):
        load_official(wan)


def test_a_program_that_comes_with_a_model_is_not_run(wan):
    change_json(wan / "model_index.json", transformer=["my_network", "MyTransformer"])
    (wan / "transformer" / "my_network.py").write_text("raise SystemExit")
    with pytest.raises(UserError, match="code that comes with the model"):
        load_official(wan)
    change_json(wan / "model_index.json", _class_name=["pipeline", "MyPipeline"])
    with pytest.raises(UserError, match="names no class"):
        load_official(wan)


def test_unknown_classes_are_named(wan):
    change_json(wan / "model_index.json", transformer=["diffusers", "WanTransformer9DModel"])
    with pytest.raises(UserError, match="no class 'WanTransformer9DModel' for transformer"):
        load_official(wan)


def test_weights_of_another_configuration_are_refused(wan):
    change_json(wan / "transformer" / "config.json", num_layers=3)
    with pytest.raises(UserError, match="blocks.2.*missing"):
        load_official(wan)


def test_a_pipeline_of_pictures_is_refused():
    class Pictures:
        pass

    with pytest.raises(UserError, match="no network called"):
        experts_of(Pictures())
