"""Configurations on disk: JSON objects whose values must be what a dataclass says.

Names, types and ranges are checked here, once for all files. What else a value must be, the
dataclass checks when it is made.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from kinema.errors import UserError, brief, nearest
from kinema.fields import in_range
from kinema.storage.atomic import require_file

MAX_BYTES = 50_000_000
LARGEST = 10**9  # no size, count or seed of a configuration is larger
WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def read_object(path: str | Path, kind: str = "configuration") -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises:
        UserError: if it is missing, larger than 50 MB, not UTF-8, not JSON, or holds no object.
    """
    path = require_file(path, kind)
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path} is larger than 50 MB: it is no {kind}.")
    try:
        values = json.loads(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not a text in UTF-8: it is no {kind}.") from error
    except RecursionError as error:
        raise UserError(f"{path} is nested too deeply: it is no {kind}.") from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {brief(error)}.") from error
    if not isinstance(values, dict):
        raise UserError(f"{path} holds no fields: a {kind} is a JSON object.")
    return values


def check_fields(values: Mapping[str, Any], kind: type, where: object) -> None:
    """Compare the names and the types of values with the fields of a dataclass.

    Fields of other types than numbers, texts, truths and tuples of them are left to the dataclass.

    Args:
        values: by name.
        kind: the dataclass.
        where: the file, for the sentence.

    Raises:
        UserError: for the first name that it does not have, value of another type or out of its
            range, or field that is missing.
    """
    hints, ranges = get_type_hints(kind), get_type_hints(kind, include_extras=True)
    known = [field.name for field in fields(kind) if field.init]
    for name, value in values.items():
        if name not in known:
            raise UserError(f"{where}: unknown field {name!r}; {nearest(name, known)}")
        if not fits(value, hints[name]):
            raise UserError(f"{where}: {name} is {shown(value)}, and must be {words(hints[name])}.")
        in_range(value, ranges[name], f"{where}: {name}")
    for field in fields(kind):
        is_needed = field.init and field.default is MISSING and field.default_factory is MISSING
        if is_needed and field.name not in values:
            raise UserError(f"{where} lacks the field {field.name!r}.")


def fits(value: Any, hint: Any) -> bool:
    """Return whether a JSON value is of a type; True for types that are not checked here."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin is Literal:
        return value in inner
    if origin is tuple:
        if not isinstance(value, list | tuple):
            return False
        if inner[-1] is Ellipsis:
            return all(fits(one, inner[0]) for one in value)
        return len(value) == len(inner) and all(map(fits, value, inner))
    if hint in (int, float):
        is_number = isinstance(value, int if hint is int else int | float)
        return is_number and not isinstance(value, bool) and abs(value) <= LARGEST
    if origin is dict:
        return isinstance(value, dict) and all(
            fits(name, inner[0]) and fits(one, inner[1]) for name, one in value.items()
        )
    if origin is list:
        return isinstance(value, list) and all(fits(one, inner[0]) for one in value)
    if hint in (str, bool):
        return isinstance(value, hint)
    return value is None if hint is type(None) else True


def words(hint: Any) -> str:
    """Say a type as a sentence does: "a whole number", "3 of a whole number"."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(words(one) for one in inner)
    if origin is Literal:
        return " or ".join(map(repr, inner))
    if origin is tuple:
        count = "" if inner[-1] is Ellipsis else f"{len(inner)} "
        return f"a list of {count}{words(inner[0]).removeprefix('a ')}s"
    if hint is type(None):
        return "null"
    return WORDS.get(hint, str(getattr(hint, "__name__", hint)))


def shown(value: Any) -> str:
    """Show a value in a sentence, the beginning of it if it is long."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:36]} ..."
