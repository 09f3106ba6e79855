"""Small faults to plant in functions, by the operators of mutmut.

`mutmut run` itself leaves out every function with a decorator, and with it each score of
kinema.metrics and each property. Here a function is a function, whatever decorates it.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import libcst as cst
from mutmut.mutation.mutators import mutation_operators

SOURCE = Path("src/kinema")
ARROW = "  ->  "  # between the lines of before and after
QUIET_CALLS = {"print", "warn", "log", "tell", "say", "len", "isinstance"}
SIMPLE = (cst.Name, cst.BaseNumber, cst.BaseString)


@dataclass(frozen=True, eq=False)
class Mutant:
    """One fault.

    Attributes:
        path: the file, from the root of the repository.
        function: the function or method, with its class.
        module: the syntax of the whole file.
        old: what is replaced.
        new: what stands there instead.
    """

    path: Path
    function: str
    module: cst.Module
    old: cst.CSTNode
    new: cst.CSTNode

    @property
    def room(self) -> str:
        return self.path.relative_to(SOURCE).parts[0]

    @cached_property
    def code(self) -> str:
        """The whole file with the fault in it."""
        return self.module.deep_replace(self.old, self.new).code  # type: ignore[union-attr]

    @property
    def change(self) -> str:
        """The lines that change, before and after."""
        lines = (code.splitlines() for code in (self.module.code, self.code))
        changed = list(difflib.unified_diff(*lines, n=0, lineterm=""))[3:]
        sides = (" ".join(line[1:].strip() for line in changed if line[0] == sign) for sign in "-+")
        return ARROW.join(sides)

    @property
    def name(self) -> str:
        return f"{self.path.relative_to(SOURCE)} {self.function}: {self.change}"


def mutants_of(room: str) -> list[Mutant]:
    """List every mutant of the functions of a room."""
    found: list[Mutant] = []
    for path in sorted((SOURCE / room).rglob("*.py")):
        module = cst.parse_module(path.read_text(encoding="utf-8"))
        collector = Collector(path, module)
        module.visit(collector)
        found += collector.found
    return found


class Collector(cst.CSTVisitor):
    """Walk a file and apply every operator of mutmut to every node inside a function."""

    def __init__(self, path: Path, module: cst.Module):
        super().__init__()
        self.path, self.module = path, module
        self.names: list[str] = []
        self.num_functions = 0
        self.found: list[Mutant] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if is_left_out(node):
            return False
        if isinstance(node, cst.Assert):  # without its message
            node.test.visit(self)
            return False
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self.names.append(node.name.value)
            self.num_functions += isinstance(node, cst.FunctionDef)
        elif self.num_functions:
            function = ".".join(self.names)
            self.found += [
                Mutant(self.path, function, self.module, node, new) for new in replacements(node)
            ]
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef):
            self.names.pop()
            self.num_functions -= isinstance(original_node, cst.FunctionDef)


def is_left_out(node: cst.CSTNode) -> bool:
    """Tell whether faults inside this node are no faults of what is computed.

    Left out are messages (what is raised, printed, warned of or logged, and every string of several
    words that is no pattern of einops), annotations, decorators, the device and the type that an
    argument passes on, the `strict=True` of zip, an assertion that no input fails, and, as in
    mutmut, `len`, `isinstance` and defaults that are themselves computed.
    """
    if isinstance(node, cst.SimpleString):
        return " " in node.value and "->" not in node.value
    if isinstance(node, cst.Call):
        return called(node) in QUIET_CALLS
    if isinstance(node, cst.Arg):
        return is_passed_on(node)
    if isinstance(node, cst.Param):
        return node.default is not None and not isinstance(node.default, SIMPLE)
    return isinstance(node, cst.Raise | cst.Annotation | cst.Decorator)


def called(call: cst.Call) -> str:
    function = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    return function.value if isinstance(function, cst.Name) else ""


def is_passed_on(argument: cst.Arg) -> bool:
    """Tell whether an argument is a device, a type (`.to(x.dtype)`) or the `strict=True` of zip."""
    value = argument.value
    named = argument.keyword or (value.attr if isinstance(value, cst.Attribute) else value)
    name = named.value if isinstance(named, cst.Name) else ""
    is_true = isinstance(value, cst.Name) and value.value == "True"
    return name in ("device", "dtype") or (name == "strict" and is_true)


def replacements(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for kind, operator in mutation_operators:
        if isinstance(node, kind):
            for new in operator(node):
                if not only_passed_on_differs(node, new):
                    yield new


def only_passed_on_differs(old: cst.CSTNode, new: cst.CSTNode) -> bool:
    if not (isinstance(old, cst.Call) and isinstance(new, cst.Call)):
        return False
    kept = {id(argument) for argument in new.args}
    gone = [argument for argument in old.args if id(argument) not in kept]
    return bool(gone) and all(map(is_passed_on, gone))
