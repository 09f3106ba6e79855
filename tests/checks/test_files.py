from pathlib import Path

import numpy as np
import pytest

from kinema import clips
from kinema.checks.files import counterparts, video_files
from kinema.errors import UserError


def write(path, text=""):
    return clips.write(clips.Clip(np.zeros((2, 16, 16, 3), np.uint8), 8.0, text), path)


def test_a_folder_gives_its_videos_in_order_and_a_file_itself(tmp_path):
    for name in ("b.mp4", "a.Y4M", "notes.txt", "c.h264"):
        (tmp_path / name).touch()
    assert [p.name for p in video_files([tmp_path])] == ["a.Y4M", "b.mp4", "c.h264"]
    assert video_files([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]
    with pytest.raises(UserError, match="nothing to check"):
        video_files([])


def test_a_name_comes_before_a_prompt(tmp_path):
    own = [
        write(tmp_path / "own" / "a.mkv", "a ball"),
        write(tmp_path / "own" / "b.mkv", "A  cube"),
    ]
    others = [
        write(tmp_path / "ref" / "a.mp4", "a cube"),
        write(tmp_path / "ref" / "z.mkv", "a ball"),
    ]
    pairs = counterparts(list(map(Path, own)), list(map(Path, others)))
    assert {p.name: q.name for p, q in pairs.items()} == {"a.mkv": "a.mp4", "b.mkv": "a.mp4"}


def test_a_prompt_that_two_references_have_pairs_nothing(tmp_path):
    own = write(tmp_path / "own" / "a.mkv", "a ball")
    others = [write(tmp_path / "ref" / f"{k}.mkv", "a ball") for k in range(2)]
    assert counterparts([own], others) == {}


def test_two_files_belong_together_whatever_they_are_called():
    assert counterparts([Path("a.mp4")], [Path("b.mp4")]) == {Path("a.mp4"): Path("b.mp4")}
    assert counterparts([Path("a.mp4")], []) == {}
