import pytest

from kinema.errors import UserError
from kinema.reports.records import RecordFolders, file_name


def test_every_folder_gets_what_is_new_and_any_of_them_knows_it(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    RecordFolders([one, two], "a probe").write("an arm", [{"a": 1}, {"a": 2.5}])
    assert (one / "an-arm.json").read_text() == (two / "an-arm.json").read_text()
    (one / "an-arm.json").unlink()
    assert RecordFolders([one, two], "a probe").rows("an arm", lambda row: row["a"]) == [1, 2.5]
    assert RecordFolders([one], "a probe").rows("an arm", dict) == []


def test_a_file_that_holds_none(tmp_path):
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(UserError, match="a.json holds no records of a probe: move it away"):
        RecordFolders([tmp_path], "a probe").rows("a", lambda row: row["a"])


def test_other_settings_are_refused(tmp_path):
    folders = RecordFolders([tmp_path], "a probe")
    folders.keep_settings({"minutes": 2.0})
    folders.keep_settings({"minutes": 2.0, "codec": "of a later version"})
    with pytest.raises(UserError, match="a probe made with minutes 2.0, not 3.0: use that, or"):
        folders.keep_settings({"minutes": 3.0})


def test_a_name_becomes_a_file():
    assert file_name("U-Net, time halved too") == "U-Net-time-halved-too"
