import json
from dataclasses import asdict, dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import UserError
from kinema.storage.configuration import check_fields, fits, read_object


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
    words: dict[str, list[str]] = field(default_factory=dict)
    mixer: "Network | None" = None


def test_what_a_dataclass_writes_is_taken():
    values = json.loads(json.dumps(asdict(Network(3, window=2, words={"a": ["b"]}))))
    check_fields(values, Network, "x.json")
    check_fields({"dim": 1, "rate": 1, "mixer": {"anything": 1}}, Network, "x.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dim": "3"}, "dim is '3', and must be a whole number"),
        ({"dim": True}, "dim is True"),
        ({"dim": 3.5}, r"dim is 3\.5"),
        ({"dim": 10**15}, "dim is 1000000000000000"),
        ({"dim": 10**400}, "dim is 1000"),
        ({"rate": float("nan")}, "rate is nan"),
        ({"dim": None}, "dim is None"),
        ({"rate": float("inf")}, "rate is inf, and must be a number"),
        ({"rate": [1]}, r"rate is \[1\]"),
        ({"name": 1}, "name is 1, and must be a text"),
        ({"causal": 1}, "causal is 1, and must be true or false"),
        ({"size": [1, 2, 3]}, "must be a list of 2 whole numbers"),
        ({"size": 8}, "size is 8"),
        ({"widths": ["1"]}, "must be a list of whole numbers"),
        ({"norm": "batch"}, "must be 'rms' or 'layer'"),
        ({"window": "x"}, "must be a whole number or null"),
        ({"words": {"a": "b"}}, "words is"),
        ({"nam": "x"}, "unknown field 'nam'; did you mean 'name'"),
        ({"name": ["x" * 999]}, "name is"),
    ],
)
def test_a_value_of_another_type_is_named(change, said):
    with pytest.raises(UserError, match=f"x.json.*{said}") as caught:
        check_fields({"dim": 1, **change}, Network, "x.json")
    assert len(str(caught.value)) < 300


def test_a_field_that_is_missing_is_named():
    with pytest.raises(UserError, match="lacks the field 'dim'"):
        check_fields({}, Network, "x.json")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=5,
)


@given(json_values)
def test_whatever_fits_can_be_used(value):
    if fits(value, int):
        assert range(2)[value % 2] in (0, 1)
    if fits(value, tuple[int, int]):
        a, b = value
        assert isinstance(a + b, int)
    if fits(value, float):
        assert -1e9 <= value <= 1e9


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
