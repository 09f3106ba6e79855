"""Fields that are one of several dataclasses, and how an option names which.

A part, `data: WorldClips | FolderClips`, is a group of options: `--data FolderClips --data.folder
clips`. A spec is one of several frozen dataclasses, and a value: `--denoiser.attention windowed
--denoiser.attention.window 8`; in YAML its name or its dictionary, {kind: windowed, window: 8}.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from kinema.errors import UserError

Kinds = dict[str, type]
"""The kinds of a spec by name."""


def nearest(name: str, names: list[str]) -> str:
    """A hint that ends a sentence about an unknown name: the nearest one, or all of them."""
    close = get_close_matches(name, names, n=1)
    return f"did you mean {close[0]}?" if close else f"choose from {', '.join(names)}."


def kinds_of(target: Any) -> dict[str, list[type]]:
    """The fields that are one of several dataclasses, and which."""
    hints = get_type_hints(target)
    found = {}
    for name in inspect.signature(target).parameters:
        hint = hints.get(name)
        if get_origin(hint) is tuple:  # a list of parts is a value, not a choice
            continue
        kinds = [k for k in get_args(hint) if isinstance(k, type)]
        kinds = [kind for kind in kinds if dataclasses.is_dataclass(kind)]
        if kinds:
            found[name] = kinds
    return found


def frozen(kind: type) -> bool:
    return bool(vars(kind)["__dataclass_params__"].frozen)


# ---- parts: groups of options -------------------------------------------------------------------


def choices_of(target: Any) -> dict[str, list[type]]:
    """`kinds_of`, without specs."""
    return {name: kinds for name, kinds in kinds_of(target).items() if not any(map(frozen, kinds))}


def settled(prog: str, target: Any, filled: Any, argv: list[str]) -> tuple[Any, list[str]]:
    """Fill in the kind that `--data FolderClips` names, or that the fields given belong to.

    Returns:
        the filled instance, and the other arguments.
    """
    if filled is None:
        return None, argv
    filled, rest, asked = copy.copy(filled), [], {}
    files = [*config_files(argv), nested_flags(argv)]
    words = iter(argv)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag.removeprefix("--") in choices_of(target) and flag.startswith("--"):
            asked[flag.removeprefix("--")] = value if equals else next(words, "")
        else:
            rest.append(word)
    for name, kinds in choices_of(target).items():
        kind = type(getattr(filled, name))
        for given in (file.get(name) for file in files):
            fits = [k for k in kinds if isinstance(given, dict) and given.keys() <= names_of(k)]
            kind = kind if kind in fits or not fits else fits[0]
        if name in asked:
            named = {k.__name__: k for k in kinds}
            if asked[name] not in named:
                raise UserError(
                    f"{prog}: --{name} {asked[name]!r} is unknown; {nearest(asked[name], [*named])}"
                )
            kind = named[asked[name]]
        if kind is not type(getattr(filled, name)):
            setattr(filled, name, kind())
    return filled, rest


def names_of(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def nested_flags(argv: list[str]) -> dict[str, dict[str, None]]:
    """The options of parts that are given: --data.size 64 is {"data": {"size": None}}."""
    given: dict[str, dict[str, None]] = {}
    for word in argv:
        part, dot, field = word.split("=")[0].partition(".")
        if part.startswith("--") and dot:
            given.setdefault(part[2:], {})[field.split(".")[0]] = None
    return given


def config_files(argv: list[str]) -> list[dict]:
    """The YAML files named by --config; what cannot be read is left to jsonargparse to tell."""
    import yaml

    files = []
    for place, word in enumerate(argv):
        flag, equals, value = word.partition("=")
        if flag == "--config":
            path = value if equals else "".join(argv[place + 1 : place + 2])
            try:
                read = yaml.safe_load(Path(path).read_text("utf-8"))
            except (OSError, ValueError, yaml.YAMLError):
                continue
            files += [read] if isinstance(read, dict) else []
    return files


# ---- what jsonargparse sees instead -------------------------------------------------------------


def narrowed(target: Any, filled: Any) -> Any:
    """The dataclass with every choice made: a part has its one kind, a spec is plain values.

    (jsonargparse loses its choice between dataclasses at the second nested option.)
    """
    if filled is None:
        return target
    hints, specs = get_type_hints(target), specs_of(target)
    fields = []
    for field in dataclasses.fields(target):
        value = getattr(filled, field.name)
        default: Any = field.default
        hint, factory = hints[field.name], field.default_factory
        if field.name in specs:
            hint, default, factory = dict[str, Any] | str, "", dataclasses.MISSING
        elif field.name in choices_of(target) or holds_specs(value):
            hint = factory = narrowed(type(value), value)
        fields.append((field.name, hint, field_default(default, factory)))
    narrow = dataclasses.make_dataclass(target.__name__, fields)
    narrow.__doc__ = target.__doc__
    return narrow


def field_default(default: Any, factory: Any) -> Any:
    if factory is not dataclasses.MISSING:
        return dataclasses.field(default_factory=factory)
    return dataclasses.field(default=default)


def widened(prog: str, filled: Any, made: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of `narrowed` as those of the dataclass itself.

    Args:
        prog: the command, for messages.
        filled: the instance that was narrowed.
        made: a value for each of its fields.
        prefix: of its options, "denoiser.".
    """
    specs, whole = specs_of(type(filled)), dict(made)
    for name, value in made.items():
        was, option = getattr(filled, name), f"{prefix}{name}"
        if name in specs:
            whole[name] = spec_of(f"{prog}: --{option}", specs[name], value)
        elif is_part(was) and not isinstance(value, type(was)):
            inner = {f.name: getattr(value, f.name) for f in dataclasses.fields(was) if f.init}
            whole[name] = type(was)(**widened(prog, was, inner, f"{option}."))
    return whole


def is_part(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


# ---- specs: values ------------------------------------------------------------------------------


def specs_of(kind: Any) -> dict[str, Kinds]:
    """The fields of a dataclass that are specs, and the kinds of each by name."""
    return {
        name: {name_of(k): k for k in kinds}
        for name, kinds in kinds_of(kind).items()
        if all(map(frozen, kinds))
    }


def name_of(kind: type) -> str:
    """What a kind of spec is called: the default of its field `kind`, or its class."""
    named = {field.name: field.default for field in dataclasses.fields(kind)}
    return str(named.get("kind", kind.__name__))


def places(filled: Any, prefix: str = "") -> dict[str, tuple[Kinds, Any]]:
    """Every spec within a filled dataclass: its option, its kinds, and what it is now."""
    found: dict[str, tuple[Kinds, Any]] = {}
    specs = specs_of(type(filled))
    for field in dataclasses.fields(filled):
        value, option = getattr(filled, field.name), f"{prefix}{field.name}"
        if field.name in specs:
            found[option] = specs[field.name], value
        elif is_part(value):
            found |= places(value, f"{option}.")
    return found


def holds_specs(value: Any) -> bool:
    return is_part(value) and bool(places(value))


def gathered(prog: str, filled: Any, argv: list[str]) -> list[str]:
    """The arguments, in which the options of each spec have become one dictionary.

    They change what a --config file says of the spec, or else what is filled in.
    """
    options, rest = places(filled), []
    asked: dict[str, list[tuple[list[str], str]]] = {}
    words = iter(argv)
    for word in words:
        flag, equals, value = word.partition("=")
        option = next((o for o in options if f"{flag}.".startswith(f"--{o}.")), None)
        given = value if equals else next(words, None) if option else None
        if option is None or given is None:
            rest.append(word)
            continue
        below = [part for part in flag[len(option) + 2 :].split(".") if part]
        asked.setdefault(option, []).append((below, given))
    for option, changes in asked.items():
        kinds, now = options[option]
        values = spelled(f"{prog}: --{option}", kinds, in_files(argv, option, now))
        values = changed(f"{prog}: --{option}", kinds, values, changes)
        rest.append(f"--{option}={json.dumps(values)}")
    return rest


def in_files(argv: list[str], option: str, otherwise: Any) -> Any:
    """What the last --config file that speaks of an option says of it."""
    said = otherwise
    for file in config_files(argv):
        value: Any = file
        for part in option.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        said = said if value is None else value
    return said


def spelled(option: str, kinds: Kinds, given: Any) -> dict[str, Any]:
    """A spec as a dictionary, `kind` first, from itself, its name or its dictionary.

    Raises:
        UserError: for an unknown name; it tells the nearest.
    """
    if is_part(given):
        return dictionary(given)
    values = dict(given) if isinstance(given, dict) else {"kind": given}
    known = {name: name for name in kinds} | {k.__name__.lower(): n for n, k in kinds.items()}
    if "kind" not in values:  # its fields tell which
        fits = [name for name, kind in kinds.items() if values.keys() <= names_of(kind)]
        values["kind"] = fits[0] if fits else ""
    name = str(values.pop("kind"))
    if name.lower() not in known:
        raise UserError(f"{option} {name!r} is unknown; {nearest(name.lower(), [*kinds])}")
    return {"kind": known[name.lower()], **values}


def dictionary(spec: Any) -> dict[str, Any]:
    """A spec as a config.json holds it."""
    return {"kind": name_of(type(spec)), **dataclasses.asdict(spec)}


def changed(
    option: str, kinds: Kinds, values: dict[str, Any], changes: list[tuple[list[str], str]]
) -> dict[str, Any]:
    """A spec's dictionary after changes, each the way to a field and what it is set to.

    Raises:
        UserError: for a kind that does not exist, or a field that the kind named does not have.
    """
    named = [text for below, text in changes if not below]
    for text in named:
        new = spelled(option, kinds, from_yaml(option, text))
        values = {**values, **new} if new["kind"] == values["kind"] else new
    fields: dict[str, list[tuple[list[str], str]]] = {}
    for below, text in changes:
        if below:
            fields.setdefault(below[0], []).append((below[1:], text))
    for name, further in fields.items():
        kind = kinds[values["kind"]]
        if name not in names_of(kind) and not named:
            values = spelled(option, kinds, {name: None})
            kind = kinds[values["kind"]]
        if name not in names_of(kind):
            having = " and ".join(n for n, k in kinds.items() if name in names_of(k))
            raise UserError(f"{option} {values['kind']} has no {name}: that is of {having}.")
        inner = specs_of(kind).get(name)
        if inner is None:
            values[name] = from_yaml(f"{option}.{name}", further[-1][1])
            continue
        default = values.get(name) or getattr(kind(), name)
        now = spelled(f"{option}.{name}", inner, default)
        values[name] = changed(f"{option}.{name}", inner, now, further)
    return values


def from_yaml(option: str, text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"{option} takes a name, a number or a dictionary, not {text}") from None


def spec_of(option: str, kinds: Kinds, given: Any) -> Any:
    """A spec from its name or its dictionary.

    Raises:
        UserError: for an unknown name, or a field of another type.
    """
    values = spelled(option, kinds, given)
    kind = kinds[values.pop("kind")]
    hints, specs = get_type_hints(kind), specs_of(kind)
    made = {}
    for name, value in values.items():
        if name not in hints:
            raise UserError(f"{option} {name_of(kind)} has no {name}; {nearest(name, [*hints])}")
        if name in specs:
            value = spec_of(f"{option}.{name}", specs[name], value)
        elif type(value) is not hints[name]:  # YAML has made a number of what looks like one
            raise UserError(f"{option}.{name} takes: {hints[name].__name__}, not {value}")
        made[name] = value
    return kind(**made)
