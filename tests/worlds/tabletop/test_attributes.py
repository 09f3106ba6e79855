"""Attributes survive JSON, and the docs list the held-out combinations in force."""

import json
from dataclasses import asdict
from pathlib import Path

from kinema.worlds.tabletop import Attributes, combinations, is_held_out, sample_scene

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
    held_out = {combination for combination in combinations() if is_held_out(combination)}
    assert held_out == {c for c in listed if c in set(combinations())}
    assert f"{len(held_out)} of {len(combinations())}" in " ".join(PAGE.read_text().split())


def test_attributes_survive_json():
    """The keys and their order are those of every `metadata.jsonl` written so far."""
    keys = ["subject", "action", "direction", "speed", "camera", "second", "relation", "scene"]
    seconds = set()
    for seed in range(40):
        attributes = sample_scene(seed, 2).attributes
        row = json.loads(json.dumps(asdict(attributes)))
        assert list(row) == [*keys, "level"] and row["level"] == 2
        assert Attributes.from_json(row) == attributes
        seconds.add(attributes.second is None)
    assert seconds == {True, False}


def test_combinations_are_of_what_acts():
    row = {
        "subject": {"shape": "ball", "color": "red", "material": "", "size": "", "pattern": ""},
        "action": "rolls", "direction": "left", "speed": "", "camera": "", "relation": "while",
        "second": {"shape": "cone", "color": "blue", "material": "", "size": "", "pattern": "",
                   "action": "falls", "direction": "", "speed": ""},
        "scene": {"table": "", "kind": "", "backdrop": ""},
    }  # fmt: skip
    subject, second = ("red", "ball", "rolls", "left"), ("blue", "cone", "falls", "")
    assert Attributes.from_json(row).combinations == [subject, second]
    row["second"]["action"] = ""
    assert Attributes.from_json(row).combinations == [subject]
    assert Attributes.from_json(row | {"second": None}).combinations == [subject]
