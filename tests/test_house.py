"""The house itself: its floors, its habits, its front door.

These tests read the repository, not the package, and hold what CONTRIBUTING.md promises.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "kinema"
STUDIES = ROOT / "studies"
BIN = Path(sys.executable).parent

VAGUE_NAMES = {"utils", "util", "misc", "common", "helpers", "helper", "base", "manager"}
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_ARGUMENTS = 400, 60, 8
MAX_WEIGHT_BYTES = 60_000_000
# Where the name in `import NAME` is not the name that pip installs.
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "PIL": "pillow", "yaml": "pyyaml"}
BRITISH = re.compile(
    r"(?:neighbour|colour|behaviour|favour|honour|labour|flavour|metre|centre|theatre|fibre|"
    r"artefact|catalogue|judgement|defence|licence|learnt|whilst|"
    r"analyse|(?:model|label|cancel|signal|level|travel)l(?:ed|ing)|"
    r"(?:normal|initial|optim|recogn|organ|general|visual|summar|regular|discret|quant|token|"
    r"serial|synchron|parallel|minim|maxim|special|categor|character|equal|final|random|real|"
    r"standard|stabil|util|vector|memor)is(?:e[drs]?|ing|ation)\b)",
    re.I,
)
# Files without a test file of their own: nothing in them can go wrong alone.
UNTESTED = {"__main__.py", "shipped.py", "command.py"}


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(done.stdout + done.stderr, pytrace=False)
    return done.stdout


def expect_none(found: Iterable[object]) -> None:
    if found := list(found):
        pytest.fail("\n".join(map(str, found)), pytrace=False)


@cache
def repository_files() -> list[Path]:
    """What is tracked, or new and not ignored; in a source distribution, everything."""
    if (ROOT / ".git").exists():
        names = run("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
        return [ROOT / name for name in names if (ROOT / name).is_file()]
    folders = [ROOT / name for name in ("src", "tests", "benchmarks", "docs", ".ci", ".github")]
    inside = [path for folder in folders for path in folder.rglob("*") if path.suffix != ".pyc"]
    return [path for path in [*ROOT.iterdir(), *inside] if path.is_file()]


def source_files() -> list[Path]:
    return sorted([*SOURCE.rglob("*.py"), *STUDIES.rglob("*.py")])


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def distribution(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")


def requirements(*extras: str) -> set[str]:
    table = project()["project"]
    optional = table["optional-dependencies"]
    lists = [table["dependencies"], *(optional[extra] for extra in extras or optional)]
    return {distribution(r) for rs in lists for r in rs} - {"kinema"}


# ---- floors, style, types -------------------------------------------------------------------


def test_floors_hold():
    run(str(BIN / "lint-imports"), "--no-cache")


def test_no_file_imports_itself_in_the_end():
    """Imports for type checkers count: two files that name each other are one idea in two."""
    edges = {path: imported_files(path) for path in source_files()}
    reached = {path: reachable(path, edges) for path in edges}
    rings = {
        frozenset(str(other.relative_to(ROOT)) for other in reached[path] if path in reached[other])
        for path in edges
        if path in reached[path]
    }
    expect_none(f"a cycle: {' '.join(sorted(ring))}" for ring in rings)


def imported_files(path: Path) -> set[Path]:
    """The files of the repository that a file imports, but for imports within functions."""
    found: set[Path | None] = set()
    blocks = [syntax(path).body]
    while blocks:
        for node in blocks.pop():
            blocks += [getattr(node, "body", [])] if isinstance(node, ast.If | ast.Try) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {
                    module_file(f"{node.module}.{alias.name}") or module_file(node.module)
                    for alias in node.names
                }
            if isinstance(node, ast.Import):
                found |= {module_file(alias.name) for alias in node.names}
    return {file for file in found if file}


def module_file(name: str) -> Path | None:
    """The file of a module of ours."""
    root = SOURCE.parent if name.startswith("kinema") else ROOT
    base = root.joinpath(*name.split("."))
    files = (base.with_name(base.name + ".py"), base / "__init__.py")
    return next((file for file in files if file.exists()), None)


def reachable(path: Path, edges: dict[Path, set[Path]]) -> set[Path]:
    """The files that a file imports, and those that these import, and so on."""
    found: set[Path] = set()
    waiting = {path}
    while waiting:
        new = edges.get(waiting.pop(), set()) - found
        found |= new
        waiting |= new
    return found


def test_ruff_is_content():
    run(str(BIN / "ruff"), "check", "--output-format", "concise")
    run(str(BIN / "ruff"), "format", "--check")


def test_types_hold():
    run(str(BIN / "mypy"), "--no-error-summary")


def test_public_functions_say_their_types():
    expect_none(
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        for path in source_files()
        for function in public_functions(syntax(path).body)
        if not is_typed(function)
    )


def public_functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    """Functions and methods without an underscore, and `__init__` and `__call__`."""
    special = ("__init__", "__call__")
    for node in body:
        name = getattr(node, "name", "")
        if isinstance(node, ast.ClassDef) and not name.startswith("_"):
            yield from public_functions(node.body)
        if isinstance(node, ast.FunctionDef) and (name in special or not name.startswith("_")):
            yield node


def is_typed(function: ast.FunctionDef) -> bool:
    signature = function.args
    named = [*signature.posonlyargs, *signature.args, *signature.kwonlyargs]
    if named and named[0].arg == "ctx":  # autograd calls it, no user does
        return True
    starred = [argument for argument in (signature.vararg, signature.kwarg) if argument]
    untyped = {a.arg for a in [*named, *starred] if a.annotation is None}
    returns = function.returns is not None or function.name == "__init__"
    return returns and untyped <= {"self", "cls"}


def test_import_is_lazy():
    loaded = run(sys.executable, "-c", "import kinema, sys; print(*sys.modules)").split()
    assert "kinema" in loaded
    assert not {"torch", "numpy", "av", "cv2"} & set(loaded)


def test_files_and_functions_are_short():
    long = []
    for path in source_files():
        if (lines := len(path.read_text().splitlines())) > MAX_FILE_LINES:
            long.append(f"{path.name}: {lines} lines")
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                long += too_long(path, node)
    expect_none(long)


def too_long(path: Path, function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """A docstring is not counted: what is said well may be said at length."""
    first = function.body[1:2] if ast.get_docstring(function) else function.body[:1]
    lines = function.end_lineno - first[0].lineno + 1 if first else 0
    arguments = function.args.args + function.args.kwonlyargs
    count = sum(argument.arg not in ("self", "cls") for argument in arguments)
    where = f"{path.name}:{function.lineno} {function.name}"
    found = [f"{where}: {lines} lines"] if lines > MAX_FUNCTION_LINES else []
    return found + ([f"{where}: {count} arguments"] if count > MAX_ARGUMENTS else [])


def test_names_say_something():
    expect_none(p for p in source_files() if VAGUE_NAMES & {p.stem, p.parent.name})


def test_nothing_is_private_to_a_module():
    """`__all__` and a room's face say what is public; an underscore would say it twice."""
    expect_none(
        f"{path.relative_to(ROOT)}:{node.lineno} {name}"
        for path in source_files()
        for node in syntax(path).body
        for name in names_of(node)
        if re.fullmatch(r"_[^_].*", name)
    )


def names_of(node: ast.stmt) -> list[str]:
    """The names that a statement of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return [
        inner.id
        for target in filter(None, targets)
        for inner in ast.walk(target)
        if isinstance(inner, ast.Name)
    ]


def test_nothing_is_left_undone():
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError")
    expect_none(path for path in source_files() if marks.search(path.read_text()))


def test_no_exception_is_swallowed():
    swallowed = [
        f"{path}:{node.lineno}"
        for path in source_files()
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.ExceptHandler)
        and all(isinstance(line, ast.Pass) for line in node.body)
    ]
    expect_none(swallowed)


# ---- words ----------------------------------------------------------------------------------


def test_spelling_is_american():
    """In names too; "grey" is the house's word for the levels of a pixel."""
    expect_none(
        f"{path.relative_to(ROOT)}:{number}: {found.group()}"
        for path in repository_files()
        if path.suffix in (".py", ".md", ".toml", ".yml", ".yaml") and path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := BRITISH.search(line))
    )


def test_messages_are_sentences():
    """They begin with a capital, a quoted name or a placeholder, and end with a full stop."""
    paths = [*source_files(), *(ROOT / "benchmarks").glob("*.py")]
    expect_none(
        f"{path.relative_to(ROOT)}:{call.lineno}: {text}"
        for path in paths
        for call in ast.walk(syntax(path))
        if isinstance(call, ast.Call) and (text := message_of(call))
        if not re.fullmatch(r"[A-Z{`'\"-].*[.?}]", text, re.S)
    )


def message_of(call: ast.Call) -> str:
    """What a UserError or a warning that is a Notice says, with {} for what is filled in."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    kinds = {getattr(argument, "id", "") for argument in call.args[1:]}
    is_message = name in ("UserError", "OutOfRange", "notify") or (
        name == "warn" and "Notice" in kinds
    )
    return literal(call.args[0]) if is_message and call.args else ""


def literal(node: ast.expr) -> str:
    """A text with {} for what is filled in; "" for what is no literal."""
    if isinstance(node, ast.JoinedStr):
        return "".join(literal(part) or "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


# ---- tests mirror the source ----------------------------------------------------------------


def mirrored_test(path: Path) -> Path:
    relative = path.relative_to(SOURCE if SOURCE in path.parents else ROOT)
    return ROOT / "tests" / relative.parent / f"test_{relative.name}"


def test_every_source_file_has_its_test_file():
    needed = [p for p in source_files() if p.name != "__init__.py" and p.name not in UNTESTED]
    mirrors = map(mirrored_test, needed)
    expect_none(path.relative_to(ROOT) for path in mirrors if not path.exists())


# ---- what is installed, what ships ----------------------------------------------------------


def imported_distributions(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module)
    tops = (
        {name.split(".")[0] for name in names}
        - set(sys.stdlib_module_names)
        - {"kinema", "studies"}
    )
    return {DISTRIBUTIONS.get(top, top).replace("_", "-").lower() for top in tops}


def test_everything_imported_is_declared():
    declared = requirements("pretrained", "plots")
    undeclared = ((p.name, imported_distributions(p) - declared) for p in source_files())
    expect_none(f"{name}: {names}" for name, names in undeclared if names)


def test_constraints_pin_exactly_the_direct_dependencies():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9.]*", pin) for pin in pins), pins
    assert sorted(map(distribution, pins)) == sorted(requirements())


def test_shipped_weights_are_small():
    shipped = [path for path in repository_files() if SOURCE / "models" in path.parents]
    assert sum(path.stat().st_size for path in shipped) < MAX_WEIGHT_BYTES


def test_no_path_of_one_machine():
    # Put together from pieces, or this file would find itself.
    roots = "|".join(["wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers"])
    foreign = re.compile(rf"(?<![\w.\-~])/(?:{roots})/\w|\.\./sha" + "red")
    found = []
    for path in repository_files():
        data = path.read_bytes()
        if b"\0" not in data and (match := foreign.search(data.decode("utf-8", "replace"))):
            found.append(f"{path.relative_to(ROOT)}: {match.group()}")
    expect_none(found)


# ---- README and the documentation -----------------------------------------------------------


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_prints_the_rooms_that_exist():
    tree = re.search(r"```text\nsrc/kinema/\n(.*?)```", readme(), re.S).group(1)
    house = tree.split("\nstudies/")[0]
    printed = re.findall(r"^ {4}(\w+(?:/|\.py)) ", house, re.M)
    rooms = [p.name + "/" for p in SOURCE.iterdir() if p.is_dir() and not p.name.startswith("_")]
    files = [p.name for p in SOURCE.glob("*.py") if p.name not in ("__init__.py", "__main__.py")]
    expect_none(set(printed) ^ {*rooms, *files})


@pytest.mark.parametrize("name", ["generate", "test"])
def test_ci_runs_the_commands_of_readme(name):
    block = re.search(rf"<!-- ci: {name} -->\n```bash\n(.*?)```", readme(), re.S).group(1)
    assert "-m venv" in block
    assert "pip install -c constraints.txt" in block
    assert block in run("bash", ".ci/run", "--print")


def test_every_install_command_is_constrained():
    pages = [path for path in repository_files() if path.suffix in (".md", ".yml", ".yaml")]
    free = [
        f"{path.name}: {line}"
        for path in pages
        for line in path.read_text(encoding="utf-8").splitlines()
        if "pip install" in line and "-c constraints.txt" not in line
    ]
    expect_none(free)


def test_every_link_leads_somewhere():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    broken = []
    for page in pages:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
        targets = re.findall(r"\]\(([^)#\s]+)|(?:src|href)=\"([^\"#]+)\"", text)
        for target in filter(None, (a or b for a, b in targets)):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    expect_none(broken)


def test_every_page_is_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\s+- (?:[^:\n]+: )?(\S+\.md)$", text, re.M))
    pages = {str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md")}
    expect_none(listed ^ pages)
