import numpy as np
import pytest

from kinema import clips
from kinema.cli import main
from kinema.metrics.objects.physics import PROBES
from kinema.metrics.vector import CONSISTENCY, METRICS
from kinema.probes.consistency import probe as consistency
from kinema.probes.consistency.probe import physics_table, probe_clip, proof_table, prove
from kinema.worlds import discs


@pytest.fixture(scope="module")
def probed():
    return [probe_clip(discs.render([k], level=3)[0].frames, 10, f"{k}", True) for k in range(2)]


def test_the_six_aspects_are_scores_that_exist():
    names = {"identity", "geometry", "texture", "lighting", "background", "camera"}
    assert CONSISTENCY.keys() == names
    assert {score for scores in CONSISTENCY.values() for score in scores} <= METRICS.keys()


def test_a_share_has_its_interval_and_its_n(probed):
    rows = {row[0]: row[1:] for row in physics_table({"discs": probed})[1:]}
    assert rows.keys() == PROBES.keys()
    assert rows["count"][0] == "0 % (0-66), told 2 of 2"
    assert rows["gravity"][0] == "cannot tell (0 of 2)"


def test_the_proof_sees_what_was_broken():
    rows = {row[0]: row[1:] for row in proof_table(prove(2, []))[1:]}
    assert rows["falls upwards"][1:] == ["100 % (34-100), told 2 of 2", "0 % (0-66), told 2 of 2"]
    assert rows["grows at once"][1].startswith("cannot tell")  # no tabletop clip was given


def test_files_are_probed_and_the_page_is_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(consistency, "_render", lambda *_: [])
    monkeypatch.setattr(consistency, "prove", lambda *_: {})
    noise = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    clips.write(clips.Clip(noise, 8), tmp_path / "in" / "noise.mkv")
    clips.write(clips.Clip(discs.render([0], level=2)[0].frames, 10), tmp_path / "in" / "ball.mkv")
    (tmp_path / "in" / "bad.mp4").write_text("no video")
    page = tmp_path / "page.md"
    command = ["probe", "consistency", str(tmp_path / "in"), "--num-clips", "2"]
    assert main([*command, "--report", str(page)]) == 0
    captured = capsys.readouterr()
    assert "noise.mkv: cannot tell:" in captured.out
    assert "bad.mp4" in captured.err
    text = page.read_text()
    assert "| ball.mkv | holds |" in text
    assert "ball.mkv noise.mkv" in text.splitlines()[2]
    assert "kinema probe consistency" in text


@pytest.mark.parametrize("arguments", [["--num-clips", "1"], ["--level", "5"], ["absent.mp4"]])
def test_a_mistake_is_one_sentence(arguments, capsys):
    assert main(["probe", "consistency", *arguments]) == 2
    assert capsys.readouterr().err.strip()
