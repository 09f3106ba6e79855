"""Which prompt a clip was made from: from a metadata.jsonl, or from VBench's list of prompts.

VBench's `VBench_full_info.json` names no files. Clips of the prompt *a cat* are called
`a cat-0.mp4` to `a cat-4.mp4`, and count for the dimensions that the list gives the prompt.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kinema.errors import UserError, brief
from kinema.storage.atomic import require_file

NUMBER = re.compile(r"-\d+$")


@dataclass(frozen=True)
class Prompt:
    """One prompt, and what VBench asks of its clips."""

    text: str
    dimensions: frozenset[str] = frozenset()  # of VBench; empty if the list is another
    style: str = ""  # the words of the style, where VBench asks for one


Prompts = Mapping[str, Prompt]  # by file name, or by the prompt itself


def prompt_of(file: Path, prompts: Prompts) -> Prompt | None:
    """Return the prompt of a file by its name, or by what its name says; None if there is none."""
    return prompts.get(file.name) or prompts.get(NUMBER.sub("", file.stem))


def read_prompts(path: str | Path) -> dict[str, Prompt]:
    """Read a metadata.jsonl, by file name, or VBench's list, by prompt.

    Raises:
        UserError: if the file is missing, or is neither.
    """
    try:
        text = require_file(path, "list of prompts").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read the prompts {path}: {brief(error)}.") from error
    return vbench_prompts(path, text) if text.lstrip()[:1] == "[" else file_prompts(path, text)


def file_prompts(path: str | Path, text: str) -> dict[str, Prompt]:
    prompts = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            prompts[Path(entry["file_name"]).name] = Prompt(str(entry["text"]))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f'{path}, line {number} is not {{"file_name": "a.mp4", "text": "a prompt"}}.'
            ) from error
    return prompts


def vbench_prompts(path: str | Path, text: str) -> dict[str, Prompt]:
    """Read VBench's list, in which a prompt may stand more than once."""
    prompts: dict[str, Prompt] = {}
    try:
        for entry in json.loads(text):
            words = str(entry["prompt_en"])
            before = prompts.get(words, Prompt(words))
            style = entry.get("auxiliary_info", {}).get("appearance_style", {})
            prompts[words] = Prompt(
                words,
                before.dimensions | frozenset(map(str, entry["dimension"])),
                before.style or str(style.get("appearance_style", "")),
            )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f'{path} is not VBench\'s list of prompts: it must hold {{"prompt_en": ..., '
            '"dimension": [...]}.'
        ) from error
    return prompts
