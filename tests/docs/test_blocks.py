"""Every shell and Python block of README, CONTRIBUTING and docs runs, in the order of its page.

Comments before a block excuse it, prepare it or shorten it. Each stands on a line of its own:

    <!-- run: no, it downloads a model -->          the block is not run, for this reason
    <!-- ci: generate -->                           nor this one: .ci/run runs it
    <!-- run: after kinema world discs -o clips; cd clips -->    these commands run first
    <!-- run: num_frames=1000 -> num_frames=40 -->  the text is changed
    <!-- run: --num-steps 2 -->                     options for every command of the block
    <!-- run: train --loop.num-samples 8 -->        options for its commands `kinema train`
"""

import contextlib
import json
import os
import re
import runpy
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kinema.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"
COMMENT = r"^<!-- (?:run|ci): .*? -->\n"
BLOCK = re.compile(rf"((?:{COMMENT})*)^```(bash|python)\n(.*?)^```", re.M | re.S)
FENCE = re.compile(r"^```([^\n]*)\n.*?^```", re.M | re.S)


@dataclass
class Block:
    """A block of code and the comments before it.

    Attributes:
        excuse: why the block is not run; "" runs it.
        before: the commands that run first.
        options: pairs of the first words of a command and the options that it is given.
    """

    text: str
    language: str
    where: str
    line: int = 1
    excuse: str = ""
    before: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()

    def obey(self, comment: str) -> None:
        """Excuse, prepare or shorten the block, as a comment asks."""
        if comment.startswith("no, "):
            self.excuse = comment[4:]
        elif comment.startswith("after "):
            self.before += tuple(comment[6:].split("; "))
        elif " -> " in comment:
            old, new = comment.split(" -> ")
            assert old in self.text, f"{self.where}:{self.line} has no {old!r}"
            self.text = self.text.replace(old, new)
        else:
            words, _, options = comment.partition("--")
            self.options += ((words.strip(), f"--{options}"),)


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        line = text[: found.start(3)].count("\n") + 1
        block = Block(found[3], found[2], page.name, line)
        for kind, comment in re.findall(r"<!-- (run|ci): (.*?) -->", found[1]):
            block.obey(comment if kind == "run" else "no, .ci/run runs it")
        yield block


def cells_of(notebook: Path) -> Iterator[Block]:
    """Yield the code cells of a notebook; the comments of a block are the metadata of its cell."""
    for number, cell in enumerate(json.loads(notebook.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] == "code":
            text = "".join(cell["source"])
            shell = text.startswith("!")
            text = re.sub("^!", "", text, flags=re.M) if shell else text
            block = Block(text, "bash" if shell else "python", f"cell {number}")
            for comment in cell["metadata"].get("run", []):
                block.obey(comment)
            yield block


def run_blocks(blocks: Iterator[Block]) -> None:
    """Run blocks in this process and in the present folder; Python blocks share variables."""
    variables: dict = {"__name__": "docs"}
    for block in blocks:
        if block.excuse:
            continue
        for command in block.before:
            run_command(shlex.split(command))
        if block.language == "python":
            code = "\n" * (block.line - 1) + block.text
            exec(compile(code, block.where, "exec"), variables)
        else:
            run_shell(block)


def run_shell(block: Block) -> None:
    unused = set(block.options)
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            command = " ".join(words[1:])
            added = [one for one in block.options if command.startswith(one[0])]
            unused -= set(added)
            run_command([*words, *shlex.split(" ".join(more for _, more in added))])
    assert not unused, f"{block.where}:{block.line} has no command for {unused}"


def run_command(words: list[str]) -> None:
    """Run `kinema ...` or `python ...` in this process; any other program is a mistake."""
    if words[0] == "kinema":
        if words[1] == "check" and "--blind" not in words:
            words = [*words, "--jobs", "1"]  # a second process would import everything again
        assert main(words[1:]) in (0, 1), words  # 1: a fault was found, or a gate failed
    elif words[:2] == ["python", "-m"]:
        run_script(words[3:], lambda: runpy.run_module(words[2], run_name="__main__"))
    elif words[0] == "python":
        run_script(words[2:], lambda: runpy.run_path(str(ROOT / words[1]), run_name="__main__"))
    elif words[0] == "cd":
        os.chdir(words[1])
    else:
        pytest.fail(f"{words[0]!r} is no command of kinema: excuse the block with a comment.")


def run_script(arguments: list[str], script: Callable[[], object]) -> None:
    sys.argv = ["script", *arguments]
    with contextlib.suppress(SystemExit):
        script()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A new folder for the files of a page, and a baseline that searches fewer training clips."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["kinema"])
    monkeypatch.setattr("kinema.probes.physics.baselines.NUM_NEIGHBORS", 20)


# The notebook runs the blocks of the tutorial.
@pytest.mark.parametrize("page", [p for p in PAGES if p.stem != "tutorial"], ids=lambda p: p.stem)
def test_the_blocks_of_a_page_run(page):
    run_blocks(blocks_of(page))


def test_the_notebook_runs_from_top_to_bottom():
    run_blocks(cells_of(NOTEBOOK))


def test_the_notebook_is_the_tutorial():
    make = runpy.run_path(str(ROOT / "docs" / "figures" / "notebook.py"))["notebook"]
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    assert NOTEBOOK.read_text(encoding="utf-8") == make(page), "run docs/figures/notebook.py"


def test_every_block_names_its_language():
    """A fence without a language would hide commands from these tests."""
    bare = [
        f"{page.name}:{page.read_text()[: fence.start()].count(chr(10)) + 1}"
        for page in PAGES
        for fence in FENCE.finditer(page.read_text(encoding="utf-8"))
        if fence[1] not in ("bash", "python", "text", "json", "yaml")
    ]
    assert not bare


def test_comments_are_obeyed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- run: after kinema a; kinema b -->\n<!-- run: 100 -> 2 -->\n<!-- run: x --n 3 -->\n"
        "```bash\nkinema x 100\n```\n\n```python\n1\n```\n<!-- run: no, so -->\n```bash\nls\n```\n"
        "<!-- ci: test -->\n```bash\nls\n```\n"
    )
    first, second, third, fourth = blocks_of(page)
    assert first.text == "kinema x 2\n"
    assert first.before == ("kinema a", "kinema b")
    assert first.options == (("x", "--n 3"),)
    assert (second.language, second.excuse, second.line) == ("python", "", 9)
    assert third.excuse == "so"
    assert fourth.excuse


def test_an_option_without_a_command_is_a_mistake():
    block = Block("cd .\n", "bash", "page", options=(("train", "--n 3"),))
    with pytest.raises(AssertionError, match="no command"):
        run_shell(block)
    with pytest.raises(pytest.fail.Exception):
        run_command(["curl", "x"])
