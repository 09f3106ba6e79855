"""Write docs/tutorial.ipynb: the tutorial as a notebook, its blocks as cells.

python docs/figures/notebook.py

The comments that shorten a block in tests become metadata of its cell.
"""

import json
import re
from pathlib import Path

DOCS = Path(__file__).parents[1]
BLOCK = re.compile(r"((?:^<!-- run: .*? -->\n)*)^```(bash|python)\n(.*?)^```\n", re.M | re.S)


def notebook(markdown: str) -> str:
    """Return a page as the text of a notebook."""
    cells, end = [], 0
    for found in BLOCK.finditer(markdown):
        cells.append(text_cell(markdown[end : found.start()]))
        shell = found[2] == "bash"
        code = re.sub(r"^(?=.)", "!", found[3], flags=re.M) if shell else found[3]
        comments = re.findall(r"<!-- run: (.*?) -->", found[1])
        cells.append(code_cell(code.strip(), {"run": comments} if comments else {}))
        end = found.end()
    cells.append(text_cell(markdown[end:]))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def text_cell(text: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": text.strip().splitlines(True)}


def code_cell(code: str, metadata: dict) -> dict:
    empty = {"execution_count": None, "outputs": []}
    return {"cell_type": "code", "metadata": metadata, "source": code.splitlines(True), **empty}


if __name__ == "__main__":
    page = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    (DOCS / "tutorial.ipynb").write_text(notebook(page), encoding="utf-8")
