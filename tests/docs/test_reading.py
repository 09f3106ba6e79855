"""The reading order names files that exist, and keeps its promise of eight."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")


def test_the_reading_order_has_eight_files_that_exist():
    files = re.findall(r"^## \d+\. `(.*)`$", PAGE, re.M)
    assert len(files) == 8
    assert all((ROOT / file).exists() for file in files)


def test_the_files_that_answer_questions_exist():
    files = re.findall(r"`([a-z_/]+\.py)`", PAGE.split("## Where to go from there")[1])
    assert len(files) > 5
    assert all((ROOT / "src" / "kinema" / file).exists() for file in files)
