import json

import numpy as np
import pytest

from kinema import clips
from kinema.cli import main
from kinema.metrics.vector import CONSISTENCY, METRICS
from kinema.probes.consistency import probe as consistency
from kinema.probes.consistency.probe import ConsistencyProbe, prove
from kinema.worlds import Rendering, discs


def test_the_six_aspects_are_scores_that_exist():
    names = {"identity", "geometry", "texture", "lighting", "background", "camera"}
    assert CONSISTENCY.keys() == names
    assert {score for scores in CONSISTENCY.values() for score in scores} <= METRICS.keys()


def test_the_proof_sees_what_was_broken():
    proofs = prove(ConsistencyProbe(num_clips=2), [])
    upwards, grown = proofs["falls upwards"], proofs["grows at once"]
    assert upwards.probe == "gravity" and [one.holds for one in upwards.broken] == [False] * 2
    assert [one.holds for one in upwards.clean] == [True] * 2
    assert grown.broken == grown.clean == []  # no tabletop clip was given


def test_files_are_probed_and_the_page_is_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(consistency, "tabletop_clips", lambda *_: [])
    monkeypatch.setattr(consistency, "prove", lambda *_: {})
    noise = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    clips.write(clips.Clip(noise, 8), tmp_path / "in" / "noise.mkv")
    clips.write(
        clips.Clip(discs.render([0], Rendering(32, level=2))[0].frames, 10),
        tmp_path / "in" / "ball.mkv",
    )
    (tmp_path / "in" / "bad.mp4").write_text("no video")
    page = tmp_path / "page.md"
    command = ["probe", "consistency", str(tmp_path / "in"), "--num-clips", "2"]
    assert main([*command, "--report", str(page)]) == 0
    captured = capsys.readouterr()
    assert "noise.mkv: cannot tell:" in captured.out
    assert "bad.mp4" in captured.err
    text = page.read_text()
    assert "| ball.mkv | holds |" in text
    assert text.splitlines()[2].startswith(f"`kinema probe consistency {tmp_path / 'in'} --model")
    kept = json.loads(page.with_suffix(".json").read_text(), parse_constant=pytest.fail)
    assert [one["name"] for one in kept["columns"]["files"]] == ["ball.mkv", "noise.mkv"]


@pytest.mark.parametrize("arguments", [["--num-clips", "1"], ["--level", "5"], ["absent.mp4"]])
def test_a_mistake_is_one_sentence(arguments, capsys):
    assert main(["probe", "consistency", *arguments]) == 2
    assert capsys.readouterr().err.strip()
