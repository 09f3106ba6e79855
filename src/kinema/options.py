"""Options: what a command line and YAML files say of a dataclass or a function, as typed values.

Every field is an option, `--loop.batch-size 8`; underscores do as well as dashes. A field that is
one of several dataclasses goes by the name of one, and that one's fields follow: `--data
FolderClips --data.folder clips`, `--denoiser.attention windowed --denoiser.attention.window 8`.
Without a name the fields tell which. `--config FILE` reads YAML whose keys are the fields, and
`--print-config` writes it. Every mistake is a `UserError` with the nearest name that exists.

The values are a tree: that of the defaults, changed by every file in turn and then by the options.
"""

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kinema import help_pages
from kinema.errors import UserError, nearest
from kinema.fields import (
    KIND,
    Tree,
    built,
    every_option,
    fields_of,
    fit,
    from_yaml,
    kinds_of,
    shown,
    tree_of,
    typed,
)

LONGEST_HINT = 160  # characters; recipes have hundreds of options


class Text(str):
    """A value as it was typed, whose type the field decides."""


@dataclasses.dataclass
class Asked:
    """What a command line asks for."""

    files: list[str] = dataclasses.field(default_factory=list)  # of YAML, in order
    values: Tree = dataclasses.field(default_factory=dict)  # what the options set, a tree of `Text`
    topic: str | None = None  # what help is about, "" for all in short; None: nothing
    prints: bool = False  # whether the configuration is to be printed


def read_options(
    prog: str,
    target: Any,
    argv: Sequence[str],
    first: Sequence[str] = (),
    named: Mapping[str, Mapping[str, Any]] | None = None,
) -> Any:
    """Fill in a dataclass, or the arguments of a function, from options and YAML.

    Args:
        prog: the command, for messages.
        target: a filled dataclass, whose values are the defaults, or a function.
        argv: --field value, --part.field value, --config FILE, --print-config, --help [PART].
        first: the options that help lists first.
        named: ready-made values of a field, which can be called by these names.

    Returns:
        a filled dataclass, or a dictionary of arguments; None after printing.

    Raises:
        UserError: for an option, a name or a value that does not exist or does not fit.
    """
    asked = scan(prog, argv)
    root = target if inspect.isroutine(target) else type(target)
    reader = Reader(prog, root, named or {})
    tree = tree_of(target)
    for file in asked.files:
        tree = reader.changed(file, (), root, tree, read_yaml(file))
    tree = reader.changed("", (), root, tree, asked.values)
    if asked.topic is not None:
        help_pages.print_options(prog, root, tree, asked.topic, first, reader.named)
    elif asked.prints:
        print_yaml(root, tree)
    else:
        return built(root, tree) if root is not target else tree
    return None


# ---- the words of a command line ----------------------------------------------------------------


def scan(prog: str, argv: Sequence[str]) -> Asked:
    """Sort the words of a command line.

    Raises:
        UserError: for a word that is no option, or an option without its value.
    """
    asked, words = Asked(), list(argv)
    while words:
        flag, equals, value = words.pop(0).partition("=")
        name = flag.removeprefix("--").replace("-", "_")
        follows = bool(words) and not words[0].startswith("--")
        if flag in ("-h", "--help"):
            asked.topic = value or (words.pop(0) if follows else "")
        elif name == "print_config":
            asked.prints = True
        elif not flag.startswith("--"):
            raise UserError(f"{prog} does not understand {flag!r}; see {prog} --help.")
        elif not equals and not follows:
            raise UserError(f"{flag} expects a value; see {prog} --help.")
        elif name == "config":
            asked.files.append(value if equals else words.pop(0))
        else:
            put(asked.values, name.split("."), Text(value if equals else words.pop(0)))
    return asked


def put(tree: Tree, path: list[str], text: Text) -> None:
    """Set a value in a tree, in which a name that has fields becomes their `kind`."""
    *parts, last = path
    for part in parts:
        if not isinstance(tree.get(part, {}), dict):
            tree[part] = {KIND: tree[part]}
        tree = tree.setdefault(part, {})
    if isinstance(tree.get(last), dict):
        tree[last][KIND] = text
    else:
        tree[last] = text


# ---- YAML ---------------------------------------------------------------------------------------


def read_yaml(file: str) -> Tree:
    """Read a configuration.

    Raises:
        UserError: if the file is missing, is no text or no YAML, or holds no fields.
    """
    import yaml

    try:
        read = from_yaml(Path(file).read_text("utf-8"))
    except OSError as error:
        raise UserError(f"--config {file} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"--config {file} is not YAML: {reason}.") from error
    if not isinstance(read, dict):
        raise UserError(f"--config {file} holds no fields, such as folder: runs/mine.")
    return read


def print_yaml(root: Any, tree: Tree) -> None:
    import yaml

    print(yaml.safe_dump(plain(root, tree), sort_keys=False, allow_unicode=True), end="")


def plain(kind: Any, tree: Tree) -> Tree:
    """Return a tree as YAML writes it; a kind is named where there are several."""
    made: Tree = {}
    for name, hint in fields_of(kind).items():
        kinds, value = kinds_of(hint), tree[name]
        if kinds:
            inner = plain(kinds[value[KIND]], value)
            value = {KIND: value[KIND], **inner} if len(kinds) > 1 else inner
        if isinstance(value, tuple):  # of numbers, words or dataclasses
            value = [vars(x) if dataclasses.is_dataclass(x) else x for x in value]
        made[name] = value
    return made


# ---- changes ------------------------------------------------------------------------------------


@dataclasses.dataclass
class Reader:
    """Changes a tree by what a file or the options say."""

    prog: str  # the command, for messages
    root: Any  # the dataclass or the function
    named: Mapping[str, Mapping[str, Any]]  # ready-made values by field and name

    def changed(self, file: str, path: tuple[str, ...], kind: Any, tree: Tree, new: Tree) -> Tree:
        """Return a tree of a kind, which lies at a path within the whole, with other values.

        They are said by a file, or by the options if it is ""; those are `Text`, as they were
        typed.

        Raises:
            UserError: for a field that does not exist, or a value that does not fit.
        """
        hints, tree = fields_of(kind), dict(tree)
        for key, value in new.items():
            here = (*path, str(key))
            if key not in hints or (isinstance(value, dict) and not kinds_of(hints[key])):
                raise self.unknown(file, here)
            if kinds_of(hints[key]):
                tree[key] = self.part(file, here, hints[key], tree[key], value)
                continue
            value = typed(value, hints[key]) if isinstance(value, Text) else value
            tree[key] = fit(value, hints[key], called(file, here))
        return tree

    def part(self, file: str, path: tuple[str, ...], hint: Any, tree: Tree, new: Any) -> Tree:
        """Do what `changed` does for a field that is a dataclass: its kind first."""
        where, kinds = called(file, path), kinds_of(hint)
        new = typed(new, Any) if isinstance(new, Text) and new.startswith("{") else new
        new = dict(new) if isinstance(new, dict) else {KIND: new}
        named = new.pop(KIND, None)
        fits = [kind for kind in kinds.values() if new.keys() <= fields_of(kind).keys()]
        if named is not None:
            tree = self.named_kind(path, where, kinds, named, tree)
        elif fits and kinds[tree[KIND]] not in fits:  # its fields tell which
            tree = tree_of(fits[0]())
        for key in new.keys() - fields_of(kinds[tree[KIND]]).keys():
            if having := [name for name, kind in kinds.items() if key in fields_of(kind)]:
                others = " and ".join(having)
                raise UserError(f"{where} {tree[KIND]} has no {key}: that is of {others}.")
        return {KIND: tree[KIND]} | self.changed(file, path, kinds[tree[KIND]], tree, new)

    def named_kind(
        self, path: tuple[str, ...], where: str, kinds: dict[str, type], name: Any, tree: Tree
    ) -> Tree:
        """Return what a name stands for: a ready-made value, or a kind by its name or its class."""
        if not isinstance(name, str):
            raise UserError(f"{where} takes a name or fields with values, not {shown(name)}.")
        ready = self.named.get(".".join(path), {})
        ready = {n: value for n, value in ready.items() if type(value) in kinds.values()}
        if name in ready:
            return tree_of(ready[name])
        for own, kind in kinds.items():
            if name.lower() in (own.lower(), kind.__name__.lower()):
                return tree if tree[KIND] == own else tree_of(kind())
        hint = nearest(name.lower(), [*kinds, *ready])
        if len(kinds) == 1 and not ready:
            hint = f"it is a group of options; see {self.prog} --help {path[-1]}."
        hint = hint if len(hint) < LONGEST_HINT else nearest("", [*kinds])
        raise UserError(f"{where} {shown(name)!r} is unknown; {hint}")

    def unknown(self, file: str, path: tuple[str, ...]) -> UserError:
        """A sentence about a field that does not exist: the nearest, or where to read."""
        paths = [tuple(name.split(".")) for name in dict.fromkeys(every_option(self.root))]
        if file:
            text = f"{file} sets {'.'.join(path)}, which {self.prog} does not have"
            hint = nearest(".".join(path), [".".join(each) for each in paths])
        else:
            options = [called("", each) for each in [*paths, ("config",), ("print_config",)]]
            text = f"{self.prog} has no option {called('', path)}"
            hint = nearest(called("", path), options)
        hint = hint if len(hint) < LONGEST_HINT else f"see {self.prog} --help."
        return UserError(f"{text}; {hint}")


def called(file: str, path: Sequence[str]) -> str:
    """Return what a field is called in messages: an option, or a place in a file."""
    name = ".".join(path)
    return f"{file}: {name}" if file else "--" + name.replace("_", "-")
