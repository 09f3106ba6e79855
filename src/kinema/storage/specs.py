"""A spec, a choice among small frozen dataclasses, as a configuration file holds it."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from kinema.errors import UserError, nearest
from kinema.storage.configuration import check_fields


def read_spec(what: str, kinds: Mapping[str, type[Any]], given: Any) -> Any:
    """Make a spec from itself, from its name, or from its dictionary.

    Args:
        what: the field that holds it, for messages.
        kinds: the frozen dataclasses by name.
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
    known = [field.name for field in fields(kinds[kind]) if field.init]
    for name in options:
        if name not in known:
            hint = nearest(name, known) if known else "it has none."
            raise UserError(f"The {what} {kind!r} has no option {name!r}; {hint}")
    check_fields(options, kinds[kind], f"The {what} {kind!r}")
    return kinds[kind](**options)
