from dataclasses import dataclass

import pytest

from kinema.errors import UserError
from studies.records import (
    MEASURED,
    RecordStore,
    chosen,
    file_name,
    machines_of,
    not_measured,
)


@dataclass
class Row:
    figure: float


def store(*folders):
    return RecordStore(folders, "a study", Row, ("arm", "seed"))


def test_every_folder_gets_what_is_new_and_any_of_them_knows_it(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    store(one, two).add("an arm", {("a", 0): Row(1.0), ("a", 1): Row(2.5)})
    text = (one / "an-arm.json").read_text()
    assert text == (two / "an-arm.json").read_text()
    assert text.splitlines()[1] == '{"arm": "a", "seed": 0, "figure": 1.0},'  # a line a record
    (one / "an-arm.json").unlink()
    assert store(one, two).read("an arm") == {("a", 0): Row(1.0), ("a", 1): Row(2.5)}
    assert store(one).read("an arm") == {}


def test_what_is_new_stands_beside_what_is_there_and_is_shared(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    store(one).add("x", {("a", 0): Row(1.0)})
    store(one).add("x", {("a", 1): Row(2.0), ("a", 0): Row(3.0)})
    assert store(one).read("x") == {("a", 0): Row(3.0), ("a", 1): Row(2.0)}
    store(one, two).share(["x", "absent"])
    assert store(two).read("x") == store(one).read("x") and len(list(two.iterdir())) == 1


@pytest.mark.parametrize("text", ["", "1", "[1]", '[{"arm": "a"}]', '[{"arm": 1, "seed": 2}]'])
def test_a_file_that_holds_none(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match="a.json holds no records of a study: move it away"):
        store(tmp_path).read("a")


def test_other_settings_are_refused(tmp_path):
    folders = store(tmp_path)
    folders.keep_settings({"minutes": 2.0})
    folders.keep_settings({"minutes": 2.0, "codec": "of a later version"})
    with pytest.raises(UserError, match="a study made with minutes 2.0, not 3.0: use that, or"):
        folders.keep_settings({"minutes": 3.0})


def test_arms_are_chosen_by_their_names_and_those_of_their_groups():
    arms = {"a": ("a", "short"), "b": ("b", "long"), "c": ("c", "short")}
    assert chosen([], arms) == ["a", "b", "c"]
    assert chosen(["short", "b"], arms) == ["a", "b", "c"]
    assert chosen(["c", "a"], arms) == ["a", "c"]
    assert chosen([MEASURED], arms) == []
    with pytest.raises(UserError, match="no arm 'shot'; did you mean 'short'"):
        chosen(["a", "shot"], arms)


def test_a_name_becomes_a_file():
    assert file_name("U-Net, time halved too") == "U-Net-time-halved-too"


def test_machines_are_numbered_once_and_what_is_missing_is_named():
    names, told = machines_of(["b", "", "b", "a"])
    assert (names, told) == (["b", "", "a"], "Machines: 1: b; 2: unknown; 3: a.")
    assert not_measured(["x", "y"]) == "Not measured yet: x; y." and not_measured([]) == ""
