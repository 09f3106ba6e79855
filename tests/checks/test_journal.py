import json

import numpy as np
import pytest

from kinema import clips
from kinema.checks import reading
from kinema.checks.check import check_files, run
from kinema.checks.journal import Journal
from kinema.checks.outputs import Outputs
from kinema.errors import UserError


def write(path, seed, noise=0.0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:48, :64]
    wave = np.stack([128 + 60 * np.sin((x + t + seed) / 4) * np.cos(y / 6) for t in range(12)])
    frames = np.repeat(wave[..., None], 3, -1)
    frames = frames + noise * rng.standard_normal(frames.shape)
    return clips.write(clips.Clip(frames.clip(0, 255).astype(np.uint8), 8.0), path)


@pytest.fixture
def folder(tmp_path):
    for k in range(5):
        write(tmp_path / "new" / f"{k}.mkv", k, noise=20.0)
        write(tmp_path / "old" / f"{k}.mkv", k)
    (tmp_path / "gate.yaml").write_text("forbid: [noise]\nworse: false\n")
    return tmp_path


def check(folder, name, **changes):
    settings = {"against": str(folder / "old"), "gate": str(folder / "gate.yaml"), "jobs": 1}
    outputs = Outputs(
        json=str(folder / f"{name}.json"), json_lines=str(folder / "lines"), quiet=True
    )
    status = run([str(folder / "new")], **settings | changes, outputs=outputs)
    return status, json.loads((folder / f"{name}.json").read_text())


@pytest.fixture
def measured(monkeypatch):
    """The names of the files that are measured."""
    names, real = [], reading.read_windows

    def spied(files):
        names.extend("/".join(file.parts[-2:]) for file in files)
        yield from real(files)

    monkeypatch.setattr(reading, "read_windows", spied)
    return names


def test_a_run_that_was_stopped_goes_on_and_says_the_same(folder, measured):
    whole = check(folder, "whole")
    lines = (folder / "lines").read_bytes().splitlines(keepends=True)
    assert len(lines) == 5 and len(measured) == 10
    (folder / "lines").write_bytes(b"".join(lines[:3]) + lines[3][:40])  # killed inside a line
    measured.clear()
    again = check(folder, "again")
    assert measured == ["new/3.mkv", "old/3.mkv", "new/4.mkv", "old/4.mkv"]
    assert again[0] == whole[0] == 1
    assert again[1]["clips"] == whole[1]["clips"]
    assert again[1]["pairs"] == whole[1]["pairs"]
    assert again[1]["gates"] == whole[1]["gates"]
    means = [[trend["mean_change"] for trend in one[1]["trends"]] for one in (again, whole)]
    assert means[0] == pytest.approx(means[1], abs=2e-3)  # the changes in the lines are rounded


def test_what_changed_is_done_again_and_nothing_else(folder, measured):
    check(folder, "one")
    write(folder / "new" / "1.mkv", 1, noise=40.0)
    write(folder / "old" / "2.mkv", 2, noise=5.0)
    measured.clear()
    check(folder, "two")
    assert measured == ["new/1.mkv", "old/1.mkv", "new/2.mkv", "old/2.mkv"]
    lines = [json.loads(line) for line in (folder / "lines").read_text().splitlines()]
    assert sorted(line["file"][-5:] for line in lines) == [f"{k}.mkv" for k in range(5)]


def test_other_settings_are_another_run(folder, measured):
    check(folder, "one")
    measured.clear()
    check(folder, "two", against=None)
    assert len(measured) == 5


def test_a_file_that_cannot_be_read_is_tried_again(folder, measured):
    (folder / "new" / "5.mkv").write_text("no video")
    check(folder, "one")
    measured.clear()
    check(folder, "two")
    assert measured == ["new/5.mkv"]


def test_lines_of_other_files_stay(folder):
    outputs = Outputs(json_lines=str(folder / "lines"), quiet=True)
    run([str(folder / "new" / "0.mkv")], jobs=1, outputs=outputs)
    run([str(folder / "new" / "1.mkv")], jobs=1, outputs=outputs)
    assert len((folder / "lines").read_text().splitlines()) == 2


def test_a_file_of_something_else_is_not_written_over(folder):
    (folder / "lines").write_text('{"file_name": "a.mp4", "text": "a ball"}\n')
    with pytest.raises(UserError, match="line 1"):
        check(folder, "one")
    assert (folder / "lines").read_text().startswith('{"file_name"')


def test_a_page_needs_pictures_that_the_lines_do_not_hold(folder):
    check(folder, "one")
    settings = ("x",)
    journal = Journal(str(folder / "lines"), *settings)
    files = [folder / "new" / "0.mkv"]
    check_files(files, journal=journal)
    journal.close()
    with pytest.raises(UserError, match="--html"):
        check_files(files, journal=Journal(str(folder / "lines"), *settings), pictures=True)


def test_the_terminal_takes_lines_at_once(folder, capsys):
    run([str(folder / "new")], jobs=1, outputs=Outputs(json_lines="-"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["verdict"] for line in lines] == ["fail"] * 5
    assert all(line["pair"] is None and line["gates"] == [] for line in lines)
