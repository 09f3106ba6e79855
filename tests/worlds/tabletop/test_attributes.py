"""The list of held-out combinations in the docs is the one in force."""

from pathlib import Path

from kinema.worlds.tabletop import combinations, held_out_combinations

PAGE = Path(__file__).parents[3] / "docs" / "worlds.md"


def test_docs_list_the_held_out_combinations():
    listed = set()
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 4 and len(cells[1].split()) == 2:
            shape, action = cells[1].split()
            for entry in cells[2].split(", "):
                color, _, direction = entry.partition(" ")
                listed.add((color, shape, action, direction.replace("in place", "")))
    assert set(held_out_combinations()) == {c for c in listed if c in set(combinations())}
    assert f"{len(held_out_combinations())} of {len(combinations())}" in PAGE.read_text()
