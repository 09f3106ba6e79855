import json
from pathlib import Path

import pytest

from kinema.checks.prompts import prompt_of, read_prompts
from kinema.errors import UserError


def test_a_metadata_file_is_by_file_name(tmp_path):
    lines = (
        '{"file_name": "sub/a.mp4", "text": "a ball"}\n\n{"file_name": "b.mp4", "text": "a cube"}\n'
    )
    (tmp_path / "metadata.jsonl").write_text(lines)
    prompts = read_prompts(tmp_path / "metadata.jsonl")
    assert prompt_of(Path("other/a.mp4"), prompts).text == "a ball"
    assert prompt_of(Path("c.mp4"), prompts) is None


def test_vbench_list_is_by_prompt_and_number(tmp_path):
    style = {"appearance_style": {"appearance_style": "in oil"}}
    entries = [
        {"prompt_en": "a cat", "dimension": ["scene"]},
        {
            "prompt_en": "a cat",
            "dimension": ["color"],
            "auxiliary_info": {"color": {"color": "red"}},
        },
        {"prompt_en": "a 3-4", "dimension": ["appearance_style"], "auxiliary_info": style},
    ]
    (tmp_path / "info.json").write_text(json.dumps(entries))
    prompts = read_prompts(tmp_path / "info.json")
    cat = prompt_of(Path("videos/a cat-3.mp4"), prompts)
    assert (cat.text, cat.dimensions, cat.style) == ("a cat", {"scene", "color"}, "")
    assert prompt_of(Path("a cat.gif"), prompts) is cat
    assert prompt_of(Path("a 3-4-0.mp4"), prompts).style == "in oil"
    assert prompt_of(Path("a dog-0.mp4"), prompts) is None


@pytest.mark.parametrize(
    "text", ["[1]", "[{}]", '[{"prompt_en": "a", "dimension": 3}]', "[", "[[]]"]
)
def test_what_is_no_list_of_vbench_is_named(tmp_path, text):
    (tmp_path / "info.json").write_text(text)
    with pytest.raises(UserError, match="not VBench's list"):
        read_prompts(tmp_path / "info.json")


def test_mistakes_are_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"none\.jsonl does not exist"):
        read_prompts(tmp_path / "none.jsonl")
    (tmp_path / "bad.jsonl").write_text('{"file_name": "a.mp4"}\n')
    with pytest.raises(UserError, match="line 1 is not"):
        read_prompts(tmp_path / "bad.jsonl")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="Cannot read the prompts"):
        read_prompts(tmp_path / "bytes.jsonl")
