"""Types and ranges: what fits comes back as its type holds it, what does not is one sentence."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema import fields
from kinema.conditions import Port
from kinema.errors import UserError
from kinema.fields import (
    Between,
    Count,
    Name,
    OneOf,
    Positive,
    Seed,
    Share,
    Side,
    Weight,
    Whole,
    check_fields,
    fit,
)

Law = Annotated[str, OneOf(("uniform", "parabola"))]


@dataclass(frozen=True)
class Inner:
    """A part."""

    share: Share = 0.5


@dataclass
class Outer:
    """A whole."""

    count: Count = 1
    inner: Inner = field(default_factory=Inner)
    sizes: tuple[Side, ...] = (64,)


@dataclass(frozen=True)
class Named:
    """A spec."""

    kind: str = field(default="named", init=False)
    width: int = 1


class Speaks(Protocol):
    def speak(self) -> str: ...


@pytest.mark.parametrize(
    ("value", "hint", "made"),
    [
        (3, int, 3),
        (np.int64(3), int, 3),
        (3, float, 3.0),
        (np.float32(0.5), float, 0.5),
        (None, Count | None, None),
        (3, Count | None, 3),
        ([1, 2], tuple[int, ...], (1, 2)),
        ([1, 2], tuple[int, int], (1, 2)),
        ([1, 2], Sequence[float], (1.0, 2.0)),
        ((32, 48), Side | tuple[Side, Side] | None, (32, 48)),
        ("parabola", Law, "parabola"),
        ("a", str | Sequence[str], "a"),
        ("x.png", str | Path | None, "x.png"),
        (object, Any, object),
        (len, Callable[[Any], int] | None, len),
        (3, Speaks, 3),
        (0, Share, 0.0),
        (1, Share, 1.0),
        (2**62, Seed, 2**62),
        (True, bool, True),
        ("rms", Literal["rms", "layer"], "rms"),
        ({"a": [1]}, dict[str, tuple[int, ...]], {"a": (1,)}),
    ],
)
def test_what_fits_comes_back_as_its_type(value, hint, made):
    fitted = fit(value, hint, "x")
    assert fitted == made and type(fitted) is type(made)


@pytest.mark.parametrize(
    ("value", "hint", "said"),
    [
        ("3", int, "x takes a whole number, not '3'."),
        (3.0, int, "x takes a whole number, not 3.0."),
        (True, int, "x takes a whole number, not true."),
        (True, float, "x takes a number, not true."),
        (1, bool, "x takes true or false, not 1."),
        (3, str, "x takes text, not 3."),
        (None, str, "x takes text, not null."),
        ("a", Count | None, "x takes a whole number or null, not a."),
        ([1], tuple[int, int], "x takes a list of whole numbers such as [1,2], not [1]."),
        ("ab", tuple[str, ...], "x takes a list of texts such as [a,b], not ab."),
        ([1, "a"], tuple[int, ...], "x takes a whole number, not a."),
        ({"a": 1}, int, "x takes a whole number, not dict."),
        (3, Named, "x takes Named, not 3."),
        (math.nan, float, "x is nan, and must be a finite number up to"),
        (math.inf, Share, "x is inf, and must be a finite number up to"),
        (10**400, float, "and must be a finite number up to"),
        (2**63, int, "and must be a finite number up to"),
        (0, Count, "x is 0, and must be 1 or more."),
        (0, Count | None, "x is 0, and must be 1 or more."),
        (-1, Seed, "x is -1, and must be from 0 to"),
        (-1, Whole, "x is -1, and must be 0 or more."),
        (0, Positive, "x is 0.0, and must be more than 0."),
        (-0.1, Weight, "x is -0.1, and must be 0 or more."),
        (1.01, Share, "x is 1.01, and must be from 0 to 1."),
        ((64, 10**9), Side | tuple[Side, Side], "x is 1000000000, and must be from 1 to 16384."),
        (" ", Name, "x is ' ', and must be a name."),
        ("a\0", Name, "and must be a name."),
        ("rmss", Literal["rms", "layer"], "x 'rmss' is unknown; did you mean 'rms'?"),
        ({"a": "b"}, dict[str, int], "x takes a whole number, not b."),
        ([1], dict[str, int], "x takes dict"),
        ("parabel", Law, "x 'parabel' is unknown; did you mean 'parabola'?"),
        ("a" * 99, int, "x takes a whole number, not " + "a" * 57 + "...."),
    ],
)
def test_what_does_not_fit_is_one_sentence(value, hint, said):
    with pytest.raises(UserError) as caught:
        fit(value, hint, "x")
    assert said in str(caught.value) and len(str(caught.value)) < 300


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), st.lists))
def test_any_value_fits_or_is_refused(value):
    for hint in (int, Share, tuple[int, ...], Count | None, Law, str):
        try:
            fitted = fit(value, hint, "x")
        except UserError:
            continue
        assert fit(fitted, hint, "x") == fitted


def test_a_list_that_holds_itself_is_shown():
    endless: list = []
    endless.append(endless)
    assert fields.shown(endless) == "[[[[...]]]]"


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_ranges_admit_what_they_say(value, low):
    assert Between(low).admits(value) == (value >= low)
    assert Between(low, above=True).admits(value) == (value > low)
    assert Between(low, low).admits(value) == (value == low)


def test_check_fields_looks_into_parts():
    check_fields(Outer(sizes=[64, 32]))
    for wrong, said in [
        (Outer(count=0), "run: count is 0"),
        (Outer(inner=Inner(2.0)), "run: inner.share is 2.0, and must be from 0 to 1."),
        (Outer(inner=3), "run: inner takes Inner, not 3."),
        (Outer(sizes=(0,)), "run: sizes is 0"),
    ]:
        with pytest.raises(UserError, match=said):
            check_fields(wrong, "run: ")


def test_kinds_and_names():
    assert fields.kinds_of(Named | Inner) == {"named": Named, "Inner": Inner}
    assert fields.kinds_of(int | None) == {} == fields.kinds_of(tuple[Inner, ...])
    assert list(fields.every_option(Outer)) == ["count", "inner", "inner.share", "sizes"]
    assert list(fields.fields_of(Named)) == ["width"]


def test_a_tree_is_built_again():
    run = Outer(3, Inner(0.25), (1, 2))
    tree = fields.tree_of(run)
    assert tree["inner"] == {"kind": "Inner", "share": 0.25}
    assert fields.built(Outer, tree) == run


def test_a_function_has_a_tree_of_its_defaults():
    def measure(count: int = 8, *, quick: bool = False) -> None: ...

    assert fields.tree_of(measure) == {"count": 8, "quick": False}


def test_a_dictionary_in_a_list_becomes_the_dataclass_it_fills():
    given = [{"name": "depth", "door": "grid", "channels": 4}]
    assert fit(given, tuple[Port, ...], "--ports") == (Port("depth", "grid", 4),)
    with pytest.raises(UserError, match=r"--ports takes the fields channels, door, name"):
        fit([{"name": "depth"}], tuple[Port, ...], "--ports")
