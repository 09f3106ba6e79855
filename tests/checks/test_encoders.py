"""Encoders whose vectors are known; tests/metrics/test_encoders.py has the real ones."""

import json

import numpy as np
import pytest

from kinema import clips
from kinema.checks import encoders as backends
from kinema.checks.check import check_files, run
from kinema.checks.encoders import Backends
from kinema.checks.gates import read_gate
from kinema.checks.outputs import Outputs
from kinema.cli import main
from kinema.errors import UserError


class Brightness:
    """A picture's brightness is its angle, from "dark" at 0 to "light" at a right angle."""

    def images(self, frames):
        return self.at(np.array([np.mean(frame) / 255 for frame in frames]))

    def texts(self, prompts):
        return self.at(np.array([float(prompt == "light") for prompt in prompts]))

    def at(self, share):
        angle = share * np.pi / 2
        return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """fading.mkv goes from light to dark; dark.mkv stays dark."""
    monkeypatch.setattr("kinema.metrics.features.encoders.text_encoder", lambda name: Brightness())
    monkeypatch.setattr("kinema.metrics.features.encoders.image_encoder", lambda name: Brightness())
    levels = np.linspace(255, 0, 12).astype(np.uint8)[:, None, None, None]
    shape = np.ones((12, 32, 32, 3), np.uint8)
    clips.write(clips.Clip(shape * levels, 8.0, text="light"), tmp_path / "fading.mkv")
    clips.write(clips.Clip(shape * 0, 8.0), tmp_path / "dark.mkv")
    (tmp_path / "metadata.jsonl").write_text(
        '{"file_name": "sub/dark.mkv", "text": "dark"}\n\n'
        '{"file_name": "other.mkv", "text": "light"}\n'
    )
    return tmp_path


def test_a_clip_that_forgets_its_prompt(folder):
    looking = Backends(text_encoder="x", image_encoder="x", prompts=folder / "metadata.jsonl")
    scores = looking.score(folder / "fading.mkv", 12, "light")
    assert scores["text_alignment"].curve[[0, -1]] == pytest.approx([1, 0], abs=0.02)
    assert float(scores["prompt_drift"]) == pytest.approx(-1, abs=0.15)
    assert float(scores["prompt_drift_high"]) < 0
    assert float(scores["embedding_drift"]) > 0.3
    assert float(looking.score(folder / "dark.mkv", 12, "")["text_margin"]) == pytest.approx(1)


def test_long_clips_are_looked_at_here_and_there(folder, monkeypatch):
    monkeypatch.setattr(backends, "MOST_FRAMES", 5)
    curve = (
        Backends(image_encoder="x").score(folder / "fading.mkv", 12, "")["embedding_drift"].curve
    )
    assert len(curve) == 12
    assert len(np.unique(curve.round(6))) == 4  # frames 0, 3, 6 and 9


def test_without_encoders_or_prompts_nothing_is_added(folder):
    assert Backends().score(folder / "dark.mkv", 12, "dark") == {}
    assert Backends(text_encoder="x").score(folder / "dark.mkv", 12, "") == {}


def test_the_scores_reach_json_page_and_gates(folder, capsys):
    gate = folder / "gate.yaml"
    gate.write_text("max: {embedding_drift: 0.1}\nmin: {text_alignment: 0.1}\n")
    outputs = Outputs(json=str(folder / "o.json"), html=str(folder / "o.html"))
    looking = Backends(text_encoder="x", image_encoder="x", flow="farneback")
    files = [str(folder / "fading.mkv"), str(folder / "dark.mkv")]
    status = run(files, gate=str(gate), jobs=1, outputs=outputs, backends=looking)
    fading, dark = json.loads((folder / "o.json").read_text())["clips"]
    assert fading["scores"]["prompt_drift"] < -0.8
    assert "text_alignment" not in dark["scores"]  # it has no prompt
    assert "aria-label='text_alignment" in (folder / "o.html").read_text()
    assert "prompt_drift -" in capsys.readouterr().out
    assert status == 1
    report = check_files(files, gate=read_gate(gate), backends=looking)
    failed = {(gate.file[-10:], gate.condition) for gate in report.gates if not gate.passed}
    assert ("fading.mkv", "embedding_drift <= 0.1") in failed
    assert any(condition == "text_alignment is measured" for _, condition in failed)


def test_the_flow_method_reaches_the_scores(folder):
    noise = np.random.default_rng(0).integers(0, 256, (6, 48, 48, 3), dtype=np.uint8)
    clips.write(clips.Clip(noise, 8.0), folder / "noise.mkv")
    motion = {
        flow: float(check_files([folder / "noise.mkv"], backends=Backends(flow=flow))
                    .clips[0].scores["motion"])
        for flow in ("dis", "lk")
    }  # fmt: skip
    assert motion["dis"] != motion["lk"]


def test_mistakes_are_one_sentence(folder):
    with pytest.raises(UserError, match="did you mean 'farneback'"):
        check_files([folder / "dark.mkv"], backends=Backends(flow="farnback"))
    with pytest.raises(UserError, match="--prompts needs --text-encoder"):
        Backends(prompts="metadata.jsonl").check()


def test_on_the_command_line(folder, capsys):
    assert main(["check", str(folder / "dark.mkv"), "--flow", "raft", "--jobs", "1"]) == 2
    assert "--flow-weights raft-things.pth" in " ".join(capsys.readouterr().err.split())
    arguments = ["--text-encoder", "x", "--prompts", str(folder / "metadata.jsonl"), "--jobs", "1"]
    assert main(["check", str(folder / "dark.mkv"), *arguments]) == 0
    assert "text_alignment +1.000" in capsys.readouterr().out
