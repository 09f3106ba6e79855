import hashlib
import json
import shutil
from pathlib import Path

import pytest

from kinema import cli
from kinema.commands import weights
from kinema.models import SHIPPED
from kinema.recipes import RECIPES


def run(capsys, *argv: str) -> tuple[int, str, str]:
    status = cli.main(["models", *argv])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_table_is_of_the_files_that_ship():
    rows = weights.shipped()
    files = {str(path.relative_to(SHIPPED)) for path in SHIPPED.rglob("*.safetensors")}
    assert {row.file for row in rows} == files
    for row in rows:
        assert hashlib.sha256((SHIPPED / row.file).read_bytes()).hexdigest() == row.checksum


def test_every_model_names_the_recipe_that_makes_it():
    for row in weights.shipped():
        words = row.made_by.replace(",", "").split()
        assert words[:2] == ["kinema", "train"]
        assert words[2] in RECIPES or words[2] == "tabletop-judge"


def test_all_models_are_printed(capsys):
    status, out, _ = run(capsys)
    assert status == 0 and "another" not in out
    for row in weights.shipped():
        assert row.about in out and row.checksum[:12] in out and row.made_by in out
    assert "tabletop/denoiser" in out and "10.3 MB" in out


def test_a_changed_and_a_missing_file_are_told(capsys, monkeypatch, tmp_path):
    shutil.copy(SHIPPED / "README.md", tmp_path)
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge" / "model.safetensors").write_bytes(b"other")
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    out = run(capsys)[1]
    assert out.count("but this file is another") == 1
    assert out.count("which is missing here") == len(weights.shipped()) - 1


def test_a_system_is_told_part_by_part(capsys):
    status, out, _ = run(capsys, "tabletop")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines()[1:])
    assert status == 0 and "a system" in out.splitlines()[0]
    assert lines["denoiser"] == "dit, 5,122,816 parameters, BF16, 10.3 MB"
    assert lines["size"] == "[64,64]" and lines["num_steps"] == "4"
    lines = run(capsys, str(SHIPPED / "physics-box"))[1]
    assert "pixels, without weights of its own" in lines


def test_a_network_is_told(capsys):
    status, out, _ = run(capsys, "judge")
    assert status == 0 and "a network of 501,766 parameters" in out and "num_looks" in out


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "holds neither system.json nor config.json: name a folder that kinema has saved."),
        ({"final/x": ""}, "holds neither system.json nor config.json: look at"),
        ({"system.json": "{"}, "system.json is not JSON"),
        ({"system.json": "[1]"}, "system.json holds no fields"),
        ({"config.json": "{}", "model.safetensors": "abc"}, "model.safetensors is damaged"),
    ],
)
def test_a_folder_that_is_none_is_one_sentence(capsys, tmp_path, files, said):
    for name, text in files.items():
        Path(tmp_path, name).parent.mkdir(exist_ok=True)
        Path(tmp_path, name).write_text(text)
    status, _, err = run(capsys, str(tmp_path))
    assert status == 2 and said in err and err.count("\n") == 1


def test_an_unknown_model_is_told_the_nearest(capsys):
    status, _, err = run(capsys, "tabletp")
    assert status == 2 and "did you mean 'tabletop'?" in err


def test_settings_of_a_system_may_be_anything(capsys, tmp_path):
    (tmp_path / "system.json").write_text(
        json.dumps({"codec": "pixels", "far": {"a": 1}, "n": None})
    )
    status, out, _ = run(capsys, str(tmp_path))
    assert status == 0 and "null" in out


def test_a_pipeline_of_diffusers_is_described(capsys, tmp_path):
    tiny = pytest.importorskip("tests.interop.tiny")
    tiny.built("wan").save_pretrained(tmp_path)
    count = sum(tensor.numel() for tensor in tiny.built("wan").transformer.parameters())
    status, out, _ = run(capsys, str(tmp_path))
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines()[1:]}
    assert status == 0 and out.splitlines()[0].endswith("a WanPipeline of diffusers")
    assert lines["transformer"].startswith(f"WanTransformer3DModel, {count:,} parameters, F32, ")
    assert lines["rows"] == "kinema generate runs it"
    assert (lines["num_frames"], lines["height"], lines["guidance_scale"]) == ("81", "480", "5.0")
    index = json.loads((tmp_path / "model_index.json").read_text())
    index["transformer"] = ["diffusers", "LTX2VideoTransformer3DModel"]
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    assert "there is no row for LTX2VideoTransformer3DModel" in run(capsys, str(tmp_path))[1]
