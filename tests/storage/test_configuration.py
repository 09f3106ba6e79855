import json
from dataclasses import asdict, dataclass, field
from typing import Literal

import pytest

from kinema.errors import UserError
from kinema.fields import Share
from kinema.storage.configuration import check_fields, read_object


@dataclass
class Network:
    dim: int
    rate: float = 0.5
    name: str = "x"
    causal: bool = False
    size: tuple[int, int] = (8, 8)
    widths: tuple[int, ...] = (1,)
    norm: Literal["rms", "layer"] = "rms"
    window: int | None = None
    share: Share = 0.5
    words: dict[str, list[str]] = field(default_factory=dict)
    mixer: "Network | None" = None


def test_what_a_dataclass_writes_is_taken():
    values = json.loads(json.dumps(asdict(Network(3, window=2, words={"a": ["b"]}))))
    check_fields(values, Network, "x.json")
    check_fields({"dim": 1, "rate": 1, "mixer": {"anything": 1}}, Network, "x.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dim": "3"}, "dim takes a whole number, not '3'"),
        ({"dim": True}, "dim takes a whole number, not true"),
        ({"dim": 3.5}, r"dim takes a whole number, not 3\.5"),
        ({"dim": 10**15}, "dim must be at most 1000000000"),
        ({"dim": 10**400}, "dim must be at most 1000000000"),
        ({"rate": float("nan")}, "rate is nan"),
        ({"dim": None}, "dim takes a whole number, not null"),
        ({"rate": float("inf")}, "rate is inf, and must be a finite number"),
        ({"rate": [1]}, r"rate takes a number, not \[1\]"),
        ({"name": 1}, "name takes text, not 1"),
        ({"causal": 1}, "causal takes true or false, not 1"),
        ({"size": [1, 2, 3]}, "size takes a list of whole numbers"),
        ({"size": [1, 10**12]}, "size must be at most 1000000000"),
        ({"size": 8}, "size takes a list of whole numbers such as .*, not 8"),
        ({"widths": ["1"]}, "widths takes a whole number, not '1'"),
        ({"norm": "batch"}, "norm 'batch' is unknown; .*rms"),
        ({"window": "x"}, "window takes a whole number or null, not x"),
        ({"words": {"a": "b"}}, "words takes a list of texts"),
        ({"share": 1.5}, "share is 1.5, and must be from 0 to 1"),
        ({"nam": "x"}, "unknown field 'nam'; did you mean 'name'"),
        ({"name": ["x" * 999]}, "name takes text"),
    ],
)
def test_a_value_of_another_type_is_named(change, said):
    with pytest.raises(UserError, match=f"x.json.*{said}") as caught:
        check_fields({"dim": 1, **change}, Network, "x.json")
    assert len(str(caught.value)) < 300


def test_a_field_that_is_missing_is_named():
    with pytest.raises(UserError, match="lacks the field 'dim'"):
        check_fields({}, Network, "x.json")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "is not JSON"),
        (b"[1]", "holds no fields"),
        (b"\xff\xfe{}", "not a text in UTF-8"),
        (b"", "is empty"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_holds_no_object(tmp_path, data, said):
    (tmp_path / "x.json").write_bytes(data)
    with pytest.raises(UserError, match=f"x.json .*{said}|x.json {said}"):
        read_object(tmp_path / "x.json")


def test_a_file_that_is_too_large(tmp_path):
    with open(tmp_path / "x.json", "wb") as file:
        file.truncate(10**9)
    with pytest.raises(UserError, match="larger than 50 MB"):
        read_object(tmp_path / "x.json")
