import pytest

from kinema.errors import UserError
from studies.ladder.records import MINUTES, SAMPLES, Record, Store, missing

ONE = Record({"score": [1.0, 2.0]}, [0.0], 8, 0.5, {"seconds": 0.1}, "a machine")
WAYS = ("as trained", "and a moving average")


def test_what_is_written_is_read_in_the_order_of_its_seeds(tmp_path):
    store = Store([tmp_path])
    store.add("an arm", {(WAYS[0], SAMPLES, 1): ONE})
    store.add("an arm", {(way, SAMPLES, 0): ONE for way in WAYS})
    expected = [(WAYS[0], SAMPLES, 0), (WAYS[1], SAMPLES, 0), (WAYS[0], SAMPLES, 1)]
    assert list(store.read("an arm")) == expected
    assert all(record == ONE for record in store.read("an arm").values())
    records = store.all(["an arm", "another"])
    assert list(records) == [("an arm", way, SAMPLES) for way in WAYS]
    assert len(records["an arm", WAYS[0], SAMPLES]) == 2


def test_folders_share_what_any_of_them_has(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    Store([one]).add("a", {(WAYS[0], SAMPLES, 0): ONE})
    Store([two]).add("a", {(WAYS[0], MINUTES, 0): ONE})
    Store([one, two]).share(["a", "b"])
    assert (one / "a.json").read_text() == (two / "a.json").read_text()
    assert len(Store([two]).read("a")) == 2 and not (one / "b.json").exists()


@pytest.mark.parametrize("text", ["", "1", '[{"way": 1}]', "[1]"])
def test_a_file_that_holds_none(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match="a.json holds no records"):
        Store([tmp_path]).read("a")


def test_what_is_missing_is_told():
    records = {("a", way, budget): [ONE] for way in WAYS for budget in (SAMPLES, MINUTES)}
    records["a", WAYS[0], SAMPLES] = records["a", WAYS[1], SAMPLES] = [ONE, ONE]
    assert missing(records, {"a": WAYS, "b": WAYS}, 2) == [
        "a at equal minutes (1 of 2 seeds)",
        "b",
    ]
    assert missing(records, {"a": WAYS}, 1) == []
