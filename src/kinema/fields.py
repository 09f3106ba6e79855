"""What the fields of a dataclass may hold: their types, and their ranges.

A range stands where the field is declared, `learning_rate: Positive = 1e-3`. `fit` compares a value
with type and range, and is the same check for the command line, for YAML and for Python;
`check_fields` does it for a whole dataclass.
"""

import collections.abc
import dataclasses
import inspect
import math
import numbers
import re
import types
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from kinema.errors import UserError, nearest

Tree = dict[str, Any]
"""A dataclass as plain values by field; a dataclass within is a tree with its `KIND`."""

KIND = "kind"
LARGEST = 2**63 - 1  # what a whole number of a tensor can be
MOST_IN_A_FILE = 10**9  # no size, count or seed of a configuration is larger


# ---- ranges -------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Between:
    """Numbers from `low` to `high`, both included; with `above`, `low` itself is left out."""

    low: float
    high: float = math.inf
    above: bool = False

    def admits(self, value: float) -> bool:
        return (value > self.low if self.above else value >= self.low) and value <= self.high

    def __str__(self) -> str:
        if self.above:
            low = f"more than {self.low}"
            return low if self.high == math.inf else f"{low} and at most {self.high}"
        return f"{self.low} or more" if self.high == math.inf else f"from {self.low} to {self.high}"


@dataclasses.dataclass(frozen=True)
class Filled:
    """Text that can be the name of something: not empty, without the character 0."""

    def admits(self, value: str) -> bool:
        return bool(value.strip()) and "\0" not in value

    def __str__(self) -> str:
        return "a name"


@dataclasses.dataclass(frozen=True)
class OneOf:
    """One of a few names."""

    names: tuple[str, ...]

    def admits(self, value: str) -> bool:
        return value in self.names


Count = Annotated[int, Between(1)]
Several = Annotated[int, Between(2)]  # as many as a spread needs
Whole = Annotated[int, Between(0)]
Seed = Annotated[int, Between(0, 2**62)]
Side = Annotated[int, Between(1, 16_384)]  # pixels of a height or a width
Share = Annotated[float, Between(0, 1)]
Positive = Annotated[float, Between(0, above=True)]
Weight = Annotated[float, Between(0)]
Level = Annotated[int, Between(1, 6)]  # of a world, whose own highest may be lower
TabletopLevel = Annotated[int, Between(1, 4)]
Name = Annotated[str, Filled()]  # of a file, a folder, a model


class OutOfRange(UserError):
    """A value of the right type that is not in its range."""


# ---- types --------------------------------------------------------------------------------------


@cache
def fields_of(thing: Any) -> dict[str, Any]:
    """Return the type of every argument of a dataclass or a function, ranges included."""
    hints = get_type_hints(thing, include_extras=True)
    return {name: hints.get(name, Any) for name in inspect.signature(thing).parameters}


def bare(hint: Any) -> Any:
    """Return a type without the ranges at its top."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def choices_of(hint: Any) -> tuple[Any, ...]:
    """Return the types that a union joins; of any other type, that type alone."""
    hint = bare(hint)
    is_union = isinstance(hint, types.UnionType) or get_origin(hint) is Union
    return get_args(hint) if is_union else (hint,)


def kinds_of(hint: Any) -> dict[str, type]:
    """Return the dataclasses that a value of this type may be, by their names."""
    kinds = [k for k in map(bare, choices_of(hint)) if isinstance(k, type)]
    return {name_of(kind): kind for kind in kinds if dataclasses.is_dataclass(kind)}


def name_of(kind: type) -> str:
    """Return what a kind is called: the default of its field `kind`, or its class."""
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    return str(defaults.get("kind", kind.__name__))


def every_option(kind: Any, prefix: str = "") -> Iterator[str]:
    """Yield the path of every field, and of the fields of every kind that it may be."""
    for name, hint in fields_of(kind).items():
        yield f"{prefix}{name}"
        for each in kinds_of(hint).values():
            yield from every_option(each, f"{prefix}{name}.")


NUMBERS: dict[Any, type] = {int: numbers.Integral, float: numbers.Real}  # what is taken for one
WORDS: dict[Any, tuple[str, str, str]] = {
    int: ("a whole number", "whole numbers", "[1,2]"),
    float: ("a number", "numbers", "[0.5,1]"),
    str: ("text", "texts", "[a,b]"),
    bool: ("true or false", "booleans", "[true,false]"),
    types.NoneType: ("null", "nulls", "[null]"),
}


def described(hint: Any) -> str:
    """Say in words what a value of this type is: "a whole number or null"."""
    choices = choices_of(hint)
    if len(choices) > 1:
        return " or ".join(dict.fromkeys(map(described, choices)))
    kind = bare(choices[0])
    if kind in WORDS:
        return WORDS[kind][0]
    if is_list(kind):
        several = WORDS.get(bare((get_args(kind) or (str,))[0]), ("", "values", "[a,b]"))
        return f"a list of {several[1]} such as {several[2]}"
    return str(getattr(kind, "__name__", kind))


def is_list(hint: Any) -> bool:
    return (get_origin(hint) or hint) in (tuple, list, collections.abc.Sequence)


# ---- values -------------------------------------------------------------------------------------


def fit(value: Any, hint: Any, where: str) -> Any:
    """Return a value as its type holds it: a list becomes a tuple, a whole number a float.

    `where` begins the sentence: the option, the field or the place in a file.

    Raises:
        UserError: if it is of another type or out of its range.
    """
    choices = choices_of(hint)
    if len(choices) == 1:
        return in_range(fit_one(value, bare(choices[0]), hint, where), hint, where)
    for choice in choices:
        try:
            return in_range(fit(value, choice, where), hint, where)
        except OutOfRange:
            raise
        except UserError:
            continue
    raise wrong(value, hint, where)


def fit_one(value: Any, kind: Any, hint: Any, where: str) -> Any:
    """Do what `fit` does for a type that is no union."""
    if is_list(kind) and isinstance(value, list | tuple | range):
        return fit_list(value, kind, hint, where)
    if kind in NUMBERS and isinstance(value, NUMBERS[kind]) and not isinstance(value, bool):
        return kind(finite(value, where))
    if get_origin(kind) is Literal:
        return in_range(value, Annotated[str, OneOf(get_args(kind))], where)
    if get_origin(kind) is dict and isinstance(value, dict):
        key, each = get_args(kind)
        return {fit(k, key, where): fit(v, each, where) for k, v in value.items()}
    if (
        is_list(kind)
        or get_origin(kind) is dict
        or kind in NUMBERS
        or (is_class(kind) and not isinstance(value, kind))
    ):
        raise wrong(value, hint, where)
    if dataclasses.is_dataclass(value) and dataclasses.is_dataclass(kind):
        check_fields(value, f"{where}.")
    return value


def is_class(kind: Any) -> bool:
    """Whether values can be asked if they are of this type; not of Any, a protocol, a callable."""
    return isinstance(kind, type) and kind is not Any and not getattr(kind, "_is_protocol", False)


def finite(value: Any, where: str) -> Any:
    if not abs(value) <= LARGEST:  # not a number, infinite, or more than a tensor can hold
        raise OutOfRange(f"{where} is {shown(value)}, and must be a finite number up to {LARGEST}.")
    return value


def fit_list(value: Any, kind: Any, hint: Any, where: str) -> tuple[Any, ...]:
    """Do what `fit` does for every element; a tuple of fixed length must have that length."""
    elements = [each for each in get_args(kind) or (Any,) if each is not Ellipsis]
    if get_origin(kind) is tuple and Ellipsis not in get_args(kind):
        if len(value) != len(elements):
            raise wrong(value, hint, where)
    else:
        elements = elements * len(value)
    return tuple(fit_element(each, to, where) for each, to in zip(value, elements, strict=True))


def fit_element(value: Any, kind: Any, where: str) -> Any:
    """Do what `fit` does for an element of a list; a dictionary becomes the dataclass it fills."""
    if not (dataclasses.is_dataclass(kind) and isinstance(value, dict)):
        return fit(value, kind, where)
    names = {field.name for field in dataclasses.fields(kind)}
    if set(value) != names:
        raise UserError(f"{where} takes the fields {', '.join(sorted(names))}, not {[*value]}.")
    hints = get_type_hints(kind)
    made: Any = kind
    return made(**{name: fit(value[name], hints[name], f"{where}.{name}") for name in value})


def in_range(value: Any, hint: Any, where: str) -> Any:
    for mark in getattr(hint, "__metadata__", ()):
        if isinstance(mark, OneOf) and not mark.admits(value):
            raise OutOfRange(
                f"{where} {shown(value)!r} is unknown; {nearest(str(value), [*mark.names])}"
            )
        if isinstance(mark, Between | Filled) and not mark.admits(value):
            seen = repr(shown(value)) if isinstance(value, str) else shown(value)
            raise OutOfRange(f"{where} is {seen}, and must be {mark}.")
    return value


def wrong(value: Any, hint: Any, where: str) -> UserError:
    seen = shown(value)
    if isinstance(value, str) and value[:1].isdigit():  # or it would look like a number
        seen = repr(seen)
    return UserError(f"{where} takes {described(hint)}, not {seen}.")


def shown(value: Any, longest: int = 60, depth: int = 3) -> str:
    """Return a value as one would type it, shortened."""
    if value is None or isinstance(value, bool):
        text = "null" if value is None else str(value).lower()
    elif isinstance(value, list | tuple):
        inside = [shown(each, longest, depth - 1) for each in value[:longest]] if depth else ["..."]
        text = f"[{','.join(inside)}]"
    else:
        text = type(value).__name__ if isinstance(value, dict) else str(value)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def typed(text: str, hint: Any) -> Any:
    """Read a value as it was typed: what may be text stays text, anything else is YAML."""
    import yaml

    choices = [bare(choice) for choice in choices_of(hint)]
    try:
        value = str(text) if choices == [str] else from_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError):  # a date that does not exist is one
        return str(text)
    return str(text) if str in choices and type(value) not in (*choices, types.NoneType) else value


def from_yaml(text: str) -> Any:
    """Read YAML, in which 3e-4 is a number, as YAML 1.2 has it and PyYAML has not."""
    import yaml

    class Loader(yaml.SafeLoader):
        """The safe one, and a resolver of its own."""

    number = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+.0123456789"))
    return yaml.load(text, Loader)


def check_fields(instance: Any, where: str = "") -> None:
    """Refuse a dataclass of which a field, or a field of one within, is not what its type says.

    `where` begins the sentence, in front of the field's name: "system.json: ".

    Raises:
        UserError: for the first such field.
    """
    kind: Any = type(instance)
    for name, hint in fields_of(kind).items():
        fit(getattr(instance, name), hint, f"{where}{name}")


def check_values(values: Mapping[str, Any], kind: type, where: object) -> None:
    """Compare the names and the values of a JSON object with the fields of a dataclass.

    Fields that hold dataclasses are left to the dataclass, which reads them when it is made.
    `where` is the file, which begins the sentence.

    Raises:
        UserError: for the first unknown name, value that does not fit, or missing field.
    """
    hints = fields_of(kind)
    for name, value in values.items():
        if name not in hints:
            raise UserError(f"{where}: unknown field {name!r}; {nearest(name, [*hints])}")
        if any(abs(number) > MOST_IN_A_FILE for number in numbers_in(value)):
            raise UserError(f"{where}: {name} must be at most {MOST_IN_A_FILE}.")
        if not holds_dataclasses(hints[name]):
            fit(value, hints[name], f"{where}: {name}")
    for name, parameter in inspect.signature(kind).parameters.items():
        if parameter.default is parameter.empty and name not in values:
            raise UserError(f"{where} lacks the field {name!r}.")


def numbers_in(value: Any) -> Iterator[int]:
    """Yield the whole numbers of a JSON value, however deep."""
    if isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from numbers_in(each)
    elif isinstance(value, int):
        yield value


def holds_dataclasses(hint: Any) -> bool:
    """Return whether values of a type are dataclasses, or lists of them."""
    return bool(kinds_of(hint)) or any(kinds_of(inner) for inner in get_args(hint))


def read_spec(what: str, kinds: Mapping[str, Any], given: Any) -> Any:
    """Make a spec, a choice among small frozen dataclasses, from what a user or a file says.

    Args:
        what: the field that holds it, for messages.
        kinds: the dataclasses by name.
        given: a spec, the name of a kind, or {"kind": NAME, OPTION: VALUE, ...}.

    Raises:
        UserError: if the kind or an option is unknown; it names the nearest one.
    """
    if not isinstance(given, str | dict):
        return given
    options = {"kind": given} if isinstance(given, str) else dict(given)
    kind = str(options.pop("kind", None))
    if kind not in kinds:
        raise UserError(f"The {what} {kind!r} is unknown; {nearest(kind, list(kinds))}")
    spec: Any = kinds[kind]
    known = [*fields_of(spec)]
    for name in options:
        if name not in known:
            hint = nearest(name, known) if known else "it has none."
            raise UserError(f"The {what} {kind!r} has no option {name!r}; {hint}")
    check_values(options, spec, f"The {what} {kind!r}")
    return spec(**options)


def tree_of(value: Any) -> Any:
    """Return a dataclass, or a function's defaults, as a tree; any other value as it is."""
    if inspect.isroutine(value):
        return {name: p.default for name, p in inspect.signature(value).parameters.items()}
    if not dataclasses.is_dataclass(value):
        return value
    kind: Any = type(value)
    return {KIND: name_of(kind)} | {n: tree_of(getattr(value, n)) for n in fields_of(kind)}


def built(kind: Any, tree: Tree) -> Any:
    """Make the dataclass that a tree describes."""
    values = {}
    for name, hint in fields_of(kind).items():
        kinds, value = kinds_of(hint), tree[name]
        values[name] = built(kinds[value[KIND]], value) if kinds else value
    return kind(**values)
