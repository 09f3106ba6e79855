import pytest

from kinema.errors import UserError
from studies.scaling.records import BASELINES, Record, Store

ONE = Record({"in": [0.1, 0.2]}, 1_000, [8, 16], [1.0, 0.5], 20.5, "a machine")


def test_what_is_written_is_read_and_brought_into_all_folders(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    Store([one]).add("an arm", {("an arm",): ONE})
    floor, frozen = Record({"in": []}), Record({"in": [2.5]})
    Store([two]).add(BASELINES, {("floor",): floor, ("frozen",): frozen})
    both = Store([one, two])
    assert both.all(["an arm", "another"]) == {"an arm": ONE}
    assert list(both.all([BASELINES])) == ["floor", "frozen"]
    assert Store([one]).read(BASELINES) == Store([two]).read(BASELINES)
    assert (two / "an-arm.json").exists() and not (two / "another.json").exists()


@pytest.mark.parametrize("text", ["", "1", '[{"name": "a"}]', "[1]"])
def test_a_file_that_holds_none(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match="a.json holds no records of the scaling study"):
        Store([tmp_path]).read("a")
