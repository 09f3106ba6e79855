import json
import re

import numpy as np
import pytest
import torch

from kinema import clips
from kinema.checks import reading
from kinema.checks.check import check, check_files, run
from kinema.checks.encoders import Backends
from kinema.checks.gates import Gate
from kinema.checks.outputs import Outputs
from kinema.errors import UserError


def pan(count=16, size=64):
    y, x = np.mgrid[:size, :size]
    rows = []
    for t in range(count):
        wave = 128 + 40 * np.sin((x + t) / 3) * np.cos(y / 5) + 30 * np.sin((x + y + t) / 7)
        rows.append(np.stack([wave, 0.9 * wave, 200 - 0.5 * wave], -1))
    return np.stack(rows).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """good.mkv, frozen.mkv and noisy.mkv; ref/ holds the good one under all three names."""
    root = tmp_path_factory.mktemp("clips")
    good = pan()
    noise = 10 * np.random.default_rng(0).standard_normal(good.shape)
    made = {
        "good": good,
        "frozen": np.repeat(good[:1], 16, axis=0),
        "noisy": (good + noise).clip(0, 255).astype(np.uint8),
    }
    for name, frames in made.items():
        clips.write(clips.Clip(frames, 8.0, text=f"a {name} wave"), root / f"{name}.mkv")
        clips.write(clips.Clip(good, 8.0), root / "ref" / f"{name}.mkv")
    return root


def test_a_file_and_its_frames_have_one_report(folder):
    from_file, from_frames = (
        check(folder / "noisy.mkv"),
        check(clips.read(folder / "noisy.mkv").frames),
    )
    assert from_file.verdict == "fail"
    assert [f.name for f in from_file.failures] == [f.name for f in from_frames.failures]
    assert {n: float(s) for n, s in from_file.scores.items()} == pytest.approx(
        {n: float(s) for n, s in from_frames.scores.items()}
    )


def test_arrays_and_tensors():
    frames = pan()
    expected = float(check(frames).scores["motion"])
    assert float(check(torch.from_numpy(frames)).scores["motion"]) == expected
    assert float(check(clips.to_tensor(frames)).scores["motion"]) == expected


@pytest.mark.parametrize("bad", [np.zeros((4, 8, 8)), np.zeros((0, 8, 8, 3), np.uint8), [[1]]])
def test_what_is_no_clip_is_refused(bad):
    with pytest.raises(UserError):
        check(bad)


def test_against_a_folder(folder):
    report = check_files([folder], against=folder / "ref")
    verdicts = {pair.file.rsplit("/", 1)[-1]: pair.comparison for pair in report.pairs}
    assert verdicts["good.mkv"].verdict == "same"
    assert (verdicts["frozen.mkv"].verdict, verdicts["frozen.mkv"].reasons) == ("worse", ["frozen"])
    assert verdicts["noisy.mkv"].verdict == "worse"
    assert report.unpaired == []


def test_pairs_by_prompt(folder, tmp_path):
    clips.write(clips.Clip(pan(), 8.0, text="A  good wave"), tmp_path / "other.mkv")
    clips.write(clips.Clip(pan(), 8.0, text="something else"), tmp_path / "more.mkv")
    report = check_files([folder], against=tmp_path)
    assert [pair.against.rsplit("/", 1)[-1] for pair in report.pairs] == ["other.mkv"]
    assert [name.rsplit("/", 1)[-1] for name in report.unpaired] == [
        *("frozen.mkv", "noisy.mkv", "more.mkv")
    ]


def test_the_json_is_the_documented_one(folder, tmp_path):
    status = run(
        [str(folder)],
        against=str(folder / "ref"),
        jobs=1,
        outputs=Outputs(json=str(tmp_path / "o.json"), quiet=True),
    )
    content = json.loads((tmp_path / "o.json").read_text())
    assert (status, content["schema"]) == (0, 1)
    clip = content["clips"][0]
    assert {"file", "verdict", "failures", "scores"} <= clip.keys()
    assert {"name", "rung", "frames", "confidence"} <= clip["failures"][0].keys()
    assert {"file", "against", "verdict", "reasons"} <= content["pairs"][0].keys()


def test_a_bad_file_is_named_and_the_rest_goes_on(folder, tmp_path):
    (tmp_path / "text.mp4").write_text("not a video")
    report = check_files([tmp_path / "text.mp4", tmp_path / "none.mp4", folder / "good.mkv"])
    assert [clip.verdict for clip in report.clips] == ["error", "error", "pass"]
    assert "text.mp4" in str(report.clips[0].error)
    assert report.status == 0
    assert check_files([tmp_path / "text.mp4"]).status == 2


def test_gates_decide_the_exit_status(folder, tmp_path):
    gate = tmp_path / "gate.yaml"
    gate.write_text("forbid: [noise]\n")
    junit = tmp_path / "o.xml"
    outputs = Outputs(junit=str(junit), quiet=True)
    arguments = {"gate": str(gate), "jobs": 1, "outputs": outputs}
    assert run([str(folder / "good.mkv")], **arguments) == 0
    assert run([str(folder / "noisy.mkv")], **arguments) == 1
    assert 'failures="1"' in junit.read_text()


def test_the_page_is_self_contained(folder, tmp_path):
    page = tmp_path / "o.html"
    outputs = Outputs(html=str(page), quiet=True)
    run([str(folder)], against=str(folder / "ref"), jobs=1, outputs=outputs)
    text = page.read_text()
    assert text.count("data:image/jpeg;base64,") > 5
    assert "frozen" in text
    assert not re.search(r"(src|href)=['\"]?(http|//)", text)


def test_two_processes_say_what_one_says(folder):
    one, two = check_files([folder], jobs=1), check_files([folder], jobs=2)
    assert [clip.as_json() for clip in one.clips] == [clip.as_json() for clip in two.clips]


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="no video"):
        check_files([tmp_path])


def test_what_is_printed(folder, capsys):
    run([str(folder / "noisy.mkv")], jobs=1)
    printed = capsys.readouterr().out
    assert "noisy.mkv: fail" in printed
    assert "noise" in printed


def test_references_without_a_file_are_named_and_not_measured(folder, tmp_path, monkeypatch):
    clips.write(clips.Clip(pan(), 8.0), tmp_path / "good.mkv")
    clips.write(clips.Clip(pan(), 8.0), tmp_path / "alone.mkv")
    seen, real = [], reading.read_windows
    monkeypatch.setattr(
        reading, "read_windows", lambda files: real([seen.append(f.name) or f for f in files])
    )
    report = check_files([folder / "good.mkv", folder / "noisy.mkv"], against=tmp_path)
    assert seen == ["good.mkv", "good.mkv", "noisy.mkv"]
    assert [name.rsplit("/", 1)[-1] for name in report.unpaired] == ["noisy.mkv", "alone.mkv"]


def test_one_reference_may_stand_against_several_files(folder, tmp_path):
    reference = tmp_path / "ref" / "x.mkv"
    clips.write(clips.Clip(pan(), 8.0, text="a wave"), reference)
    for name in "ab":
        clips.write(clips.Clip(pan(), 8.0, text="A wave"), tmp_path / f"{name}.mkv")
    report = check_files([tmp_path / "a.mkv", tmp_path / "b.mkv"], against=reference)
    assert [pair.against for pair in report.pairs] == [str(reference)] * 2


def test_a_reference_that_cannot_be_read_is_noted_and_fails_the_gate(folder, tmp_path):
    (tmp_path / "good.mkv").write_text("no video")
    gate = Gate(worse=False)
    report = check_files([folder / "good.mkv"], against=tmp_path, gate=gate)
    assert report.pairs == [] and report.status == 1
    (note,) = report.clips[0].notes
    assert note.startswith("Its reference cannot be read: ") and note.endswith(".")


def test_real_clips_are_the_floor_of_the_set(folder, tmp_path, capsys):
    outputs = Outputs(json=str(tmp_path / "o.json"))
    files = [str(folder / "noisy.mkv"), str(folder / "frozen.mkv")]
    run(files, floor=str(folder / "good.mkv"), jobs=1, outputs=outputs)
    rows = {row["score"]: row for row in json.loads((tmp_path / "o.json").read_text())["set"]}
    good = check(folder / "good.mkv").scores["noise"].value
    assert rows["noise"]["floor"] == pytest.approx(good, abs=1e-6)
    assert rows["noise"]["mean"] > good and rows["noise"]["n"] == 2
    assert "over 2 clips: mean" in capsys.readouterr().out


def test_pairs_are_compared_pixel_by_pixel_when_asked(folder):
    looking = Backends(fidelity=True)
    report = check_files([folder / "noisy.mkv"], against=folder / "ref", backends=looking)
    fidelity = report.pairs[0].fidelity
    assert 20 < fidelity["psnr"] < 35 and fidelity["lpips"] is None
    assert check_files([folder / "noisy.mkv"], against=folder / "ref").pairs[0].fidelity is None
