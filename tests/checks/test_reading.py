import os
from pathlib import Path

import numpy as np

from kinema import clips
from kinema.checks.reading import each_report


def write(path, num_frames=6):
    frames = np.full((num_frames, 32, 32, 3), 90, np.uint8)
    frames[:, :, 8:16] = 200
    return Path(clips.write(clips.Clip(frames, 8.0, "a bar"), path))


def test_reports_come_in_order_and_a_bad_file_among_them(tmp_path):
    files = [write(tmp_path / "a.mkv"), tmp_path / "none.mkv", write(tmp_path / "b.mkv", 4)]
    reports = list(each_report(files, 1, False))
    assert [report.num_frames for report in reports] == [6, 0, 4]
    assert [report.verdict == "error" for report in reports] == [False, True, False]
    assert reports[0].text == "a bar" and "none.mkv" in str(reports[1].error)


def test_a_name_that_is_no_text_is_told_in_text(tmp_path):
    name = os.fsdecode(b"a\x07\xff.mkv")
    os.rename(write(tmp_path / "a.mkv"), tmp_path / name)
    (report,) = each_report([tmp_path / name], 1, False)
    assert report.num_frames == 6
    assert report.file.endswith("a\\x07\\xff.mkv")
    (missing,) = each_report([tmp_path / f"not {name}"], 1, False)
    assert "not a\\x07\\xff.mkv" in str(missing.error)
