import json
import shutil

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file, save_file

from kinema.errors import UserError
from kinema.interop import PretrainedCodec
from kinema.storage import weights as pretrained
from kinema.video import System, VideoPipeline, system


@pytest.fixture
def checked(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "checked")


@pytest.fixture
def copy(saved, tmp_path):
    """A system as it was written before systems had checksums."""
    folder = shutil.copytree(saved, tmp_path / "tiny")
    rewrite(folder, checksums=None)
    return folder


def rewrite(folder, **changes):
    """Change values of system.json; None takes one out."""
    values = json.loads((folder / "system.json").read_text()) | changes
    kept = {name: value for name, value in values.items() if value is not None}
    (folder / "system.json").write_text(json.dumps(kept))


def test_the_folder(saved):
    files = sorted(str(p.relative_to(saved)) for p in saved.rglob("*") if p.is_file())
    assert files == [
        "codec/config.json",
        "codec/model.safetensors",
        "denoiser/config.json",
        "denoiser/model.safetensors",
        "system.json",
        "text/config.json",
        "text/model.safetensors",
        "text/tokenizer.json",
    ]
    values = json.loads((saved / "system.json").read_text())
    assert (values["denoiser"], values["codec"], values["text"]) == ("dit", "causal_vae", "small")


@pytest.mark.parametrize(
    "name",
    [
        "system.json",
        "denoiser/config.json",
        "denoiser/model.safetensors",
        "codec/config.json",
        "codec/model.safetensors",
        "text/model.safetensors",
        "text/tokenizer.json",
    ],
)
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(UserError, match=name.split("/")[-1]) as caught:
        VideoPipeline.from_pretrained(copy)
    assert str(copy) in str(caught.value)


@pytest.mark.parametrize("part", ["denoiser", "codec", "text"])
def test_broken_weights_are_named(copy, part):
    path = copy / part / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=part):
        VideoPipeline.from_pretrained(copy)


@pytest.mark.parametrize("part", ["denoiser", "codec", "text"])
def test_foreign_weights_are_named(copy, part):
    save_file({"theirs": torch.zeros(2)}, copy / part / "model.safetensors")
    with pytest.raises(UserError, match=part):
        VideoPipeline.from_pretrained(copy)


@pytest.mark.parametrize("part", ["denoiser", "codec", "text"])
def test_weights_of_another_shape_are_named(copy, part):
    path = copy / part / "model.safetensors"
    weights = load_file(path)
    name = next(iter(weights))
    save_file({**weights, name: torch.zeros(3, 3, 3)}, path)
    with pytest.raises(UserError, match=part):
        VideoPipeline.from_pretrained(copy)


@pytest.mark.parametrize("part", ["denoiser", "codec", "text"])
def test_a_foreign_configuration_is_named(copy, part):
    (copy / part / "config.json").write_text('{"architectures": ["T5"]}')
    with pytest.raises(UserError, match=part):
        VideoPipeline.from_pretrained(copy)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("not json", "system.json"),
        ("[1]", "system.json"),
        ('{"nun_frames": 9}', "nun_frames.*num_frames"),
        ('{"denoiser": "dot"}', "'dot'.*'dit'"),
        ('{"path": "cosin"}', "cosine"),
        ('{"prediction": "w"}', "'w'"),
        ('{"size": 64}', "system.json"),
    ],
)
def test_a_bad_system_file(copy, content, said):
    (copy / "system.json").write_text(content)
    with pytest.raises(UserError, match=said):
        VideoPipeline.from_pretrained(copy)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"num_frames": "33"}, "num_frames takes a whole number, not '33'"),
        ({"num_frames": 0}, "num_frames is 0"),
        ({"num_frames": 10**12}, "num_frames"),
        ({"fps": [16]}, "fps takes a number, not"),
        ({"fps": -1}, "fps is -1"),
        ({"fps": float("nan")}, "fps is nan"),
        ({"size": [64]}, "size takes a list of whole numbers"),
        ({"size": [64, "64"]}, "size takes a whole number"),
        ({"size": {}}, "size takes"),
        ({"codec": 3}, "codec takes text, not 3"),
        ({"guidance_scale": True}, "guidance_scale takes a number, not true"),
        ({"overlap": -1}, "overlap is -1"),
        ({"checksums": [1]}, "checksums takes"),
        ({"checksums": {"../../x": "0"}}, "lies outside its folder"),
        ({"checksums": {"denoiser/none": "0"}}, "denoiser/none is missing"),
    ],
)
def test_a_value_of_the_wrong_kind(copy, change, said):
    rewrite(copy, **change)
    with pytest.raises(UserError, match=f"system.json.*{said}|{said}") as caught:
        VideoPipeline.from_pretrained(copy)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["denoiser/model.safetensors", "codec/config.json"])
def test_a_flipped_bit_is_found(checked, name):
    VideoPipeline.from_pretrained(checked)
    data = bytearray((checked / name).read_bytes())
    data[-3] ^= 1
    (checked / name).write_bytes(data)
    with pytest.raises(UserError, match=f"{name} is damaged or was changed"):
        VideoPipeline.from_pretrained(checked)


def test_a_folder_of_something_else(tmp_path):
    with pytest.raises(UserError, match=r"system\.json is missing"):
        VideoPipeline.from_pretrained(tmp_path)


def test_a_name_that_is_nowhere(monkeypatch, saved):
    monkeypatch.setattr(system, "SHIPPED", saved.parent)
    assert system.find("tiny") == saved
    with pytest.raises(UserError, match="'tinny'.*'tiny'"):
        system.find("tinny")
    with pytest.raises(UserError, match="nowhere"):
        system.find("./nowhere/tiny")


def test_the_hub(monkeypatch, saved):
    monkeypatch.setattr(pretrained, "snapshot_download", lambda name, allow_patterns: saved)
    assert system.find("me/tiny") == saved

    def offline(name, allow_patterns):
        raise LocalEntryNotFoundError("no connection\nand more")

    monkeypatch.setattr(pretrained, "snapshot_download", offline)
    with pytest.raises(UserError, match=r"me/tiny.*no connection\.$"):
        system.find("me/tiny")


WAN = {
    "base_dim": 8, "z_dim": 4, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1,
    "latents_mean": [0.5, 0, 0, 0], "latents_std": [2.0, 1, 1, 1],
}  # fmt: skip


def test_a_codec_of_diffusers_is_a_part_like_any_other(pipe, tmp_path):
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    codec = PretrainedCodec(diffusers.AutoencoderKLWan(**WAN).eval())
    made = VideoPipeline(pipe.denoiser, codec, pipe.text, pipe.system)
    made.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "system.json").read_text())["codec"] == "pretrained"
    assert system.find_codec(tmp_path) == tmp_path / "codec"
    loaded = VideoPipeline.from_pretrained(tmp_path)
    options = {"seed": 1, "num_frames": 6, "size": (16, 24), "num_steps": 1, "progress": False}
    a, b = (each("a red ball", **options).frames for each in (made, loaded))
    assert a.shape == (1, 6, 16, 24, 3) and (a == b).all()
    (tmp_path / "codec" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(UserError, match="diffusion_pytorch_model"):
        VideoPipeline.from_pretrained(tmp_path)


def test_a_codec_is_found_by_the_name_of_a_system_that_ships(monkeypatch, saved):
    monkeypatch.setattr(system, "SHIPPED", saved.parent)
    assert system.find_codec("tiny") == system.find_codec(saved / "codec") == saved / "codec"
    with pytest.raises(UserError, match="There is no codec 'tinny'"):
        system.find_codec("tinny")


def test_saving_again_replaces_the_parts_and_nothing_else(pipe, copy):
    (copy / "notes.txt").write_text("mine")
    (copy / "denoiser" / "old.bin").write_text("stale")
    pipe.save_pretrained(copy)
    assert (copy / "notes.txt").read_text() == "mine"
    assert not (copy / "denoiser" / "old.bin").exists()
    assert not list(copy.glob("*.part"))
    VideoPipeline.from_pretrained(copy)


def test_a_save_that_fails_leaves_the_old_system(pipe, copy, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(system, "save_part", full)
    with pytest.raises(UserError, match="the disk is full"):
        pipe.save_pretrained(copy)
    VideoPipeline.from_pretrained(copy)
    assert not list(copy.glob("*.part"))


def test_defaults_are_checked():
    with pytest.raises(UserError, match="solver 'eular'.*'euler'"):
        System(solver="eular")
