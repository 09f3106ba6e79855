"""The command line that makes a page again."""

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any


def command_line(program: str, options: Mapping[str, Any]) -> str:
    """Return a command as it is typed in a shell.

    Args:
        program: what comes first, such as "kinema probe drift".
        options: name -> value; one that is None or an empty sequence is left out, and so is
            `report`, which the page adds. The `files` stand before all options, without a name.
    """
    words = [shlex.quote(str(file)) for file in options.get("files") or ()]
    for name, value in options.items():
        if name not in ("files", "report") and value is not None and value not in ((), []):
            words += [f"--{name.replace('_', '-')}", shlex.quote(typed(value))]
    return " ".join([program, *words])


def typed(value: Any) -> str:
    """Return a value as an option takes it: `0.5`, `true`, `[8,16]`, `["two words","one"]`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if not isinstance(value, tuple | list):
        return str(value)
    words = [typed(one) for one in value]
    if all(re.fullmatch(r"[\w./-]+", word) for word in words):
        return f"[{','.join(words)}]"
    return json.dumps(list(value), separators=(",", ":"))
