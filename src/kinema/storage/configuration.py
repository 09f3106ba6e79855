"""Configurations on disk: JSON objects whose values must be what a dataclass says.

Names and missing fields are checked here, types and ranges by `kinema.fields.fit`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from kinema.errors import UserError, brief, nearest
from kinema.fields import fields_of, fit, kinds_of
from kinema.storage.atomic import require_file

MAX_BYTES = 50_000_000
LARGEST = 10**9  # no size, count or seed of a configuration is larger


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
    """Compare the names, types and ranges of values with the fields of a dataclass.

    What a field that is a dataclass itself holds is left to that dataclass.

    Args:
        values: by name.
        kind: the dataclass.
        where: the file, for the sentence.

    Raises:
        UserError: for the first name that it does not have, value that does not fit, or field that
            is missing.
    """
    hints = fields_of(kind)
    for name, value in values.items():
        if name not in hints:
            raise UserError(f"{where}: unknown field {name!r}; {nearest(name, list(hints))}")
        if any(abs(number) > LARGEST for number in numbers_in(value)):
            raise UserError(f"{where}: {name} must be at most {LARGEST}.")
        if not kinds_of(hints[name]):
            fit(value, hints[name], f"{where}: {name}")
    for field in fields(kind):
        is_needed = field.init and field.default is MISSING and field.default_factory is MISSING
        if is_needed and field.name not in values:
            raise UserError(f"{where} lacks the field {field.name!r}.")


def numbers_in(value: Any) -> Iterator[int]:
    """Yield the whole numbers of a JSON value, however deep."""
    if isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from numbers_in(each)
    elif isinstance(value, int):
        yield value
