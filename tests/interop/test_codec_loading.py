import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from safetensors.torch import load_file, save_file

from kinema.codecs import CausalVAE, CausalVAEConfig
from kinema.errors import UserError
from kinema.interop import codec_fingerprint, codec_folder, load_codec
from kinema.interop import codec_loading as loading

diffusers = pytest.importorskip("diffusers")
SMALL = json.loads(Path(__file__).with_name("small_codecs.json").read_text())
WAN, WEIGHTS = "AutoencoderKLWan", "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def wan(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("wan")
    diffusers.AutoencoderKLWan(**SMALL[WAN]).save_pretrained(folder)
    return folder


@pytest.fixture
def copy(wan, tmp_path):
    return shutil.copytree(wan, tmp_path / "copy")


def test_ours_and_theirs_alone_or_in_a_system_or_in_a_pipeline(copy, tmp_path):
    ours = CausalVAE(CausalVAEConfig(widths=(8,), encoder_depth=(0,), decoder_depth=(0,)))
    ours.save_pretrained(tmp_path / "system" / "codec")
    assert type(load_codec(tmp_path / "system")) is CausalVAE
    assert codec_folder(tmp_path / "system" / "codec") == tmp_path / "system" / "codec"
    shutil.copytree(copy, tmp_path / "pipeline" / "vae")
    (tmp_path / "pipeline" / "model_index.json").write_text("{}")
    codec = load_codec(tmp_path / "pipeline")
    assert type(codec.network) is diffusers.AutoencoderKLWan and not codec.training


def test_the_weights_name_what_was_computed_with_them(copy):
    before = codec_fingerprint(copy)
    assert before == codec_fingerprint(copy) and len(before) == 10
    config = json.loads((copy / "config.json").read_text())
    config["latents_std"][0] += 1
    (copy / "config.json").write_text(json.dumps(config))
    assert codec_fingerprint(copy) != before


def test_a_missing_file_is_named(copy, tmp_path):
    (copy / WEIGHTS).unlink()
    with pytest.raises(UserError, match=WEIGHTS):
        load_codec(copy)
    with pytest.raises(UserError, match="no codec there: config.json"):
        load_codec(tmp_path)


@pytest.mark.parametrize("name", ["nowhere", "./no/where", "/no/where", "a/b/c"])
def test_a_name_that_is_nowhere(name):
    with pytest.raises(UserError, match="There is no codec"):
        load_codec(name)


def test_broken_and_foreign_weights_are_refused(copy):
    weights = load_file(copy / WEIGHTS)
    first = next(iter(weights))
    bad = [
        {first: weights.pop(first)},
        weights,
        {**weights, first: torch.zeros(1, 2, 3)},
    ]
    for tensors in bad:
        save_file(tensors, copy / WEIGHTS)
        with pytest.raises(UserError, match=f"does not hold a {WAN}") as caught:
            load_codec(copy)
        assert "\n" not in str(caught.value)
    (copy / WEIGHTS).write_bytes(b"half a file")
    with pytest.raises(UserError, match=f"does not hold a {WAN}"):
        load_codec(copy)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("{", "is not JSON"),
        ("[1]", "holds no fields"),
        ('{"_class_name": "AutoencoderKLWam"}', "'AutoencoderKLWan'"),
        ('{"_class_name": "UNet2DModel"}', "is not a codec kinema knows"),
        ('{"model_type": "t5"}', "unknown field 'model_type'"),
    ],
)
def test_what_is_not_a_codec_is_named(copy, config, said):
    (copy / "config.json").write_text(config)
    with pytest.raises(UserError, match=said):
        load_codec(copy)


def test_without_diffusers_one_sentence(copy, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(UserError, match=r"need diffusers: pip install 'kinema\[pretrained\]'"):
        load_codec(copy)


def test_from_the_hub_only_the_codec_is_fetched(copy, monkeypatch, tmp_path):
    pipeline, asked = tmp_path / "pipeline", []
    shutil.copytree(copy, pipeline / "vae")

    def download(repository, file, subfolder=None):
        path = pipeline / (subfolder or "") / file
        if not path.exists():
            raise EntryNotFoundError("not there")
        return str(path)

    def snapshot(repository, allow_patterns):
        asked.extend(allow_patterns)
        return str(pipeline)

    monkeypatch.setattr(loading, "hf_hub_download", download)
    monkeypatch.setattr(loading, "snapshot_download", snapshot)
    assert codec_folder("them/video") == pipeline / "vae"
    assert asked and all(pattern.startswith("vae/") for pattern in asked)
    shutil.rmtree(pipeline / "vae")
    with pytest.raises(UserError, match="none can be fetched from the hub: not there"):
        load_codec("them/video")


def test_a_name_that_the_hub_does_not_allow():
    with pytest.raises(UserError, match="none can be fetched from the hub"):
        load_codec("them/two..dots")


def test_weights_that_cannot_be_fetched(copy, monkeypatch):
    def snapshot(*args, **kwargs):
        raise LocalEntryNotFoundError("no connection")

    found = str(copy / "config.json")
    monkeypatch.setattr(loading, "hf_hub_download", lambda *args, **kwargs: found)
    monkeypatch.setattr(loading, "snapshot_download", snapshot)
    with pytest.raises(UserError, match="none can be fetched from the hub: no connection"):
        load_codec("them/video")
