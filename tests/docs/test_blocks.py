"""Every shell and Python block of README and docs runs, page by page, in the order of the page.

A comment before a block shortens or excuses it:

    <!-- run: --loop.num-samples 8 -->     these options are added to its kinema commands
    <!-- run: no, it needs a download -->  it is not run, for this reason
    <!-- run: after kinema world discs -o clips -->   these commands come first, `;` between them
"""

import contextlib
import os
import re
import runpy
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from kinema.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(?:^<!-- run: (.*?) -->\n)?^```(bash|python)\n(.*?)^```", re.M | re.S)


@dataclass
class Block:
    """A fenced block of a page and the comment before it."""

    page: str
    line: int
    language: str
    text: str
    comment: str

    @property
    def excuse(self) -> str:
        return self.comment[4:] if self.comment.startswith("no, ") else ""


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page.name, text[: m.start(3)].count("\n") + 1, m[2], m[3], m[1] or "")
        for m in BLOCK.finditer(text)
    ]


def run_python(block: Block, variables: dict) -> None:
    exec(compile("\n" * (block.line - 1) + block.text, block.page, "exec"), variables)


def run_shell(block: Block) -> None:
    added = block.comment
    if added.startswith("after "):
        first, added = added[6:], ""
        for line in first.split(";"):
            run_command(shlex.split(line))
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            run_command([*words, *shlex.split(added)])


def run_command(words: list[str]) -> None:
    """Run `kinema ...` or `python FILE ...` in this process; any other program is a mistake."""
    if words[0] == "kinema":
        assert main(words[1:]) in (0, 1), words  # 1: a fault was found, or a gate failed
    elif words[:2] == ["python", "-m"]:
        run_script(words[3:], lambda: runpy.run_module(words[2], run_name="__main__"))
    elif words[0] == "python":
        run_script(words[2:], lambda: runpy.run_path(str(ROOT / words[1]), run_name="__main__"))
    elif words[0] == "cd":
        os.chdir(words[1])
    else:
        pytest.fail(f"{words[0]!r} is no command of kinema: excuse the block with a comment.")


def run_script(arguments: list[str], script) -> None:
    sys.argv = ["script", *arguments]
    with contextlib.suppress(SystemExit):
        script()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["kinema"])
    variables: dict = {"__name__": "docs"}
    for block in blocks_of(page):
        if block.excuse:
            continue
        if block.language == "python":
            run_python(block, variables)
        else:
            run_shell(block)


def test_comments_are_read():
    lines = ["<!-- run: --n 3 -->", "```bash", "kinema x", "```", "", "```python", "1", "```"]
    lines += ["<!-- run: no, so -->", "```bash", "ls", "```", ""]
    found = [(m[1], m[2], m[3]) for m in BLOCK.finditer("\n".join(lines))]
    assert found == [
        ("--n 3", "bash", "kinema x\n"),
        (None, "python", "1\n"),
        ("no, so", "bash", "ls\n"),
    ]
