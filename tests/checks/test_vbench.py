import json
from pathlib import Path

import numpy as np
import pytest
import torch

from kinema import clips
from kinema.checks.clip_report import ClipReport
from kinema.checks.vbench import VBench, read_results, read_vbench, vbench_of_set
from kinema.cli import main
from kinema.errors import UserError
from kinema.metrics.temporal.vbench import dynamic_degree, motion_smoothness, temporal_flickering
from kinema.metrics.vbench_total import DIMENSIONS, vbench_total


class Brightness:
    """A picture's brightness is its angle; the words of a style are a right angle."""

    kind = "vit"

    def embed(self, pixels):
        angle = pixels.mean((1, 2, 3))
        return torch.stack([angle.cos(), angle.sin()], -1)

    def texts(self, prompts):
        return np.array([[0.0, 1.0]] * len(prompts))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("text_encoder", "image_encoder"):
        monkeypatch.setattr(f"kinema.metrics.features.encoders.{name}", lambda name: Brightness())
    wide = np.random.default_rng(0).integers(0, 256, (48, 200, 3), dtype=np.uint8)
    frames = np.stack([wide[:, 4 * t : 4 * t + 64] for t in range(9)])
    clips.write(clips.Clip(frames, 8.0), tmp_path / "a cat-0.mkv")
    entries = [
        {"prompt_en": "a cat", "dimension": ["temporal_flickering", "appearance_style"],
         "auxiliary_info": {"appearance_style": {"appearance_style": "in oil"}}},
    ]  # fmt: skip
    (tmp_path / "info.json").write_text(json.dumps(entries))
    torch.save({"weight": torch.ones(1, 2), "bias": torch.zeros(1)}, tmp_path / "head.pth")
    return tmp_path


def measured(scores):
    return {name for name, value in scores.items() if value is not None}


def test_without_weights_three_dimensions_are_measured_and_the_rest_is_null(folder):
    file = folder / "a cat-0.mkv"
    scores, frames = VBench().score(file, 8.0), clips.read(file).frames
    assert list(scores) == list(DIMENSIONS)
    assert measured(scores) == {"temporal_flickering", "motion_smoothness", "dynamic_degree"}
    assert scores["temporal_flickering"] == temporal_flickering(frames)
    assert scores["motion_smoothness"] == motion_smoothness(frames)
    assert scores["dynamic_degree"] == dynamic_degree(frames, 8.0)


def test_encoders_and_heads_add_theirs(folder):
    looking = VBench(subject="x", background="x", aesthetic="x",
                     aesthetic_head=str(folder / "head.pth"))  # fmt: skip
    looking.check()
    scores = looking.score(folder / "a cat-0.mkv", 8.0)
    seen = {"subject_consistency", "background_consistency", "aesthetic_quality"}
    assert seen <= measured(scores)
    assert scores["appearance_style"] is None, "there is no style without a list of prompts"
    assert scores["subject_consistency"] == pytest.approx(1, abs=1e-2)


def test_a_list_says_for_what_a_clip_counts(folder):
    looking = VBench(prompts=str(folder / "info.json"), background="x")
    scores = looking.score(folder / "a cat-0.mkv", 8.0)
    assert measured(scores) == {"temporal_flickering", "appearance_style"}
    assert measured(looking.score(folder / "a dog-0.mkv", 8.0)) == set()


def clip(num_frames, **values):
    return ClipReport("a.mp4", num_frames, vbench=dict.fromkeys(DIMENSIONS) | values)


def test_means_are_over_clips_or_over_frames():
    set_ = [
        clip(3, temporal_flickering=0.9, subject_consistency=0.5, appearance_style=0.1),
        clip(9, temporal_flickering=0.7, subject_consistency=0.9, appearance_style=0.2),
        clip(5),
    ]
    found = vbench_of_set(set_, VBench())["dimensions"]
    assert found["temporal_flickering"] == {"value": 0.8, "source": "kinema", "n": 2}
    assert found["subject_consistency"]["value"] == pytest.approx((2 * 0.5 + 8 * 0.9) / 10)
    assert found["appearance_style"]["value"] == pytest.approx((3 * 0.1 + 9 * 0.2) / 12, abs=1e-6)
    assert found["scene"] == {"value": None, "source": "none", "n": 0}


def test_the_total_takes_their_values_for_the_rest_and_no_substitute(folder):
    theirs = dict.fromkeys(DIMENSIONS, [0.25, []])
    (folder / "results.json").write_text(json.dumps(theirs))
    set_ = [clip(9, temporal_flickering=0.95, motion_smoothness=0.9, dynamic_degree=1.0)]
    found = vbench_of_set(set_, VBench(results=str(folder / "results.json")))
    sources = {name: one["source"] for name, one in found["dimensions"].items()}
    assert sources.pop("temporal_flickering") == "kinema"
    assert set(sources.values()) == {"results"}
    expected = vbench_total(dict.fromkeys(DIMENSIONS, 0.25) | {"temporal_flickering": 0.95})
    assert found["total"] == expected.total
    alone = vbench_of_set(set_, VBench())
    assert alone["dimensions"]["motion_smoothness"]["source"] == "substitute"
    assert (alone["quality"], alone["total"]) == (None, None)


def test_the_flow_of_raft_is_no_substitute():
    assert VBench().substitutes == {"motion_smoothness", "dynamic_degree"}
    assert VBench(flow_weights="raft-things.pth").substitutes == {"motion_smoothness"}
    with pytest.raises(UserError, match=r"raft-things\.pth"):
        VBench(flow_weights="raft-things.pth").check()


def test_a_file_names_what_to_look_with(folder):
    (folder / "vbench.yaml").write_text("prompts: info.json\nsubject: facebook/dino-vitb16\n")
    assert read_vbench(str(folder / "vbench.yaml")) == VBench(
        "info.json", subject="facebook/dino-vitb16"
    )
    assert read_vbench("") == read_vbench(None) == VBench()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("subjekt: a", "subjekt"),
        ("- a", "names nothing"),
        ("{", "not YAML"),
        ("subject: 3", "text"),
    ],
)
def test_a_wrong_file_is_named(folder, text, word):
    (folder / "vbench.yaml").write_text(text)
    with pytest.raises(UserError, match=word):
        read_vbench(str(folder / "vbench.yaml"))


def test_mistakes_are_one_sentence(folder):
    with pytest.raises(UserError, match="needs both"):
        VBench(aesthetic="x").check()
    (folder / "results.json").write_text('{"scenery": [0.3, []]}')
    with pytest.raises(UserError, match="'scenery'"):
        read_results(folder / "results.json")
    (folder / "results.json").write_text('{"scene": 0.3}')
    with pytest.raises(UserError, match="'scene'"):
        read_results(folder / "results.json")


def test_on_the_command_line(folder, capsys):
    file = folder / "a cat-0.mkv"
    assert (
        main(["check", str(file), "--jobs", "1", "--json", str(folder / "o.json"), "--vbench"]) == 0
    )
    told, content = capsys.readouterr().out, json.loads((folder / "o.json").read_text())
    assert "temporal_flickering 0." in told and "VBench has no total without" in told
    assert content["clips"][0]["vbench"]["scene"] is None
    assert content["vbench"]["total"] is None
    assert Path(content["clips"][0]["file"]) == file
