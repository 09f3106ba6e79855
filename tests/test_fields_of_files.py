import json
from dataclasses import asdict, dataclass, field
from typing import Literal

import pytest

from kinema.errors import UserError
from kinema.fields import Share, check_values, read_spec


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
    check_values(values, Network, "x.json")
    check_values({"dim": 1, "rate": 1, "mixer": {"anything": 1}}, Network, "x.json")


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
        check_values({"dim": 1, **change}, Network, "x.json")
    assert len(str(caught.value)) < 300


def test_a_field_that_is_missing_is_named():
    with pytest.raises(UserError, match="lacks the field 'dim'"):
        check_values({}, Network, "x.json")


@dataclass(frozen=True)
class Plain:
    kind: str = field(default="plain", init=False)


@dataclass(frozen=True)
class Wide:
    kind: str = field(default="wide", init=False)
    width: int = 4


KINDS = {"plain": Plain, "wide": Wide}


@pytest.mark.parametrize(
    ("given", "spec"),
    [
        ("wide", Wide()),
        ({"kind": "wide"}, Wide()),
        ({"kind": "wide", "width": 2}, Wide(2)),
        (Wide(3), Wide(3)),
        (asdict(Wide(5)), Wide(5)),
        (asdict(Plain()), Plain()),
    ],
)
def test_a_spec_is_read_from_itself_its_name_and_its_dictionary(given, spec):
    assert read_spec("look", KINDS, given) == spec


def test_the_dictionary_that_is_read_stays_as_it_is():
    given = {"kind": "wide", "width": 2}
    read_spec("look", KINDS, given)
    assert given == {"kind": "wide", "width": 2}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("wode", "The look 'wode' is unknown; did you mean 'wide'?"),
        ({"width": 2}, "The look 'None' is unknown; choose one of plain, wide."),
        ({"kind": ["wide"]}, r"The look \"\['wide'\]\" is unknown; "),
        (
            {"kind": "wide", "with": 2},
            "The look 'wide' has no option 'with'; did you mean 'width'?",
        ),
        ({"kind": "plain", "width": 2}, "The look 'plain' has no option 'width'; it has none."),
    ],
)
def test_what_is_unknown_is_named_with_the_nearest(given, sentence):
    with pytest.raises(UserError, match=sentence.replace("?", r"\?")):
        read_spec("look", KINDS, given)
